//! HTML, element by element; every text that goes in is escaped here.

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    html: String,
}

/// A cell of a table and how it is set.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// Set to the right, never broken.
    Number(String),
    /// Never broken.
    Whole(String),
    /// Wrapped, with room for a sentence.
    Words(String),
}

/// A text as HTML shows it.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in HTML.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

impl Page {
    /// HTML as it is; only for what this crate made.
    pub(super) fn raw(&mut self, html: &str) {
        self.html.push_str(html);
    }

    /// One element with text.
    pub(super) fn element(&mut self, name: &str, class: &str, content: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw(&format!("<{name}{class}>{content}</{name}>\n", content = text(content)));
    }

    /// The heading of a section.
    pub(super) fn heading(&mut self, content: &str) {
        self.element("h2", "", content);
    }

    /// A verdict in its colour, and what it is about.
    pub(super) fn verdict(&mut self, verdict: &'static str, about: &str) {
        let class = verdict.replace(' ', "-");
        let about = text(about);
        self.raw(&format!("<p><span class=\"verdict {class}\">{verdict}</span> <strong>{about}</strong></p>\n"));
    }

    /// A list with a line for each item; nothing for none.
    pub(super) fn list<T: AsRef<str>>(&mut self, items: &[T]) {
        if items.is_empty() {
            return;
        }
        self.raw("<ul>\n");
        items.iter().for_each(|item| self.element("li", "", item.as_ref()));
        self.raw("</ul>\n");
    }

    /// Names and values.
    pub(super) fn pairs(&mut self, pairs: &[(String, String)]) {
        self.raw("<dl>\n");
        for (name, value) in pairs {
            self.element("dt", "", name);
            self.element("dd", "", value);
        }
        self.raw("</dl>\n");
    }

    /// Starts a table with these titles; a title that starts with `>` is set to the right like its numbers.
    pub(super) fn table(&mut self, titles: &[&str]) {
        self.raw("<div class=\"scroll\">\n<table>\n<thead><tr>");
        for title in titles {
            let (class, title) = title.strip_prefix('>').map_or(("", *title), |title| (" class=\"number\"", title));
            self.raw(&format!("<th{class}>{title}</th>", title = text(title)));
        }
        self.raw("</tr></thead>\n<tbody>\n");
    }

    /// A line across a table.
    pub(super) fn table_heading(&mut self, columns: usize, content: &str) {
        self.raw(&format!(
            "<tr class=\"arm\"><th colspan=\"{columns}\">{content}</th></tr>\n",
            content = text(content)
        ));
    }

    /// A row of the table.
    pub(super) fn row(&mut self, cells: &[Cell]) {
        self.raw("<tr>");
        for cell in cells {
            match cell {
                Cell::Number(content) => self.raw(&format!("<td class=\"number\">{}</td>", text(content))),
                Cell::Whole(content) => self.raw(&format!("<td class=\"whole\">{}</td>", text(content))),
                Cell::Words(content) => self.raw(&format!("<td class=\"words\">{}</td>", text(content))),
            }
        }
        self.raw("</tr>\n");
    }

    /// Ends the table.
    pub(super) fn end_table(&mut self) {
        self.raw("</tbody>\n</table>\n</div>\n");
    }

    /// The document.
    pub(super) fn finish(self) -> String {
        self.html
    }
}
