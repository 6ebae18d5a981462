//! Touches by the nodes of PU and page, those to pages, or by workers, that moved spread over the two nodes.

use crate::pages::{Classes, Move};
use crate::replay::Traffic;
use crate::sample::TrafficCell;
use std::collections::BTreeMap;

/// A worker that moved during a request did so before a touch of it as likely as after it.
const HALFWAY: f64 = 0.5;

/// Touches from node to node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeTraffic(BTreeMap<[Key; 2], TrafficCell>);

/// A node, the unknown behind all others.
type Key = (bool, Option<u32>);

impl NodeTraffic {
    /// Takes what a piece of a run touched. `moved` says how likely such a page had moved by then.
    pub fn take(&mut self, traffic: &Traffic, classes: &Classes, moved: impl Fn(Move) -> f64) {
        for (pu, page, touches) in traffic.cells() {
            let stayed = |(from, to): (u32, u32)| (from == to).then_some(from);
            // Where the page stayed both of its ends are alike.
            let moved = classes.moved(page).map_or(HALFWAY, &moved);
            let (pu, page) = (classes.ends(pu), classes.ends(page));
            match (pu, page) {
                (Some(pu), Some(page)) if stayed(pu).is_none() || stayed(page).is_none() => {
                    for (pu_node, pu_share) in [(pu.0, HALFWAY), (pu.1, HALFWAY)] {
                        for (memory_node, page_share) in [(page.0, 1.0 - moved), (page.1, moved)] {
                            self.cell(Some(pu_node), Some(memory_node)).moved += touches as f64 * pu_share * page_share;
                        }
                    }
                }
                _ => self.cell(pu.and_then(stayed), page.and_then(stayed)).touches += touches,
            }
        }
    }

    /// Adds what another worker did.
    pub fn add(&mut self, other: &NodeTraffic) {
        for cell in other.0.values() {
            let sum = self.cell(cell.pu_node, cell.memory_node);
            sum.touches += cell.touches;
            sum.moved += cell.moved;
        }
    }

    /// By node, the unknown last.
    pub fn into_cells(self) -> Vec<TrafficCell> {
        self.0.into_values().collect()
    }

    fn cell(&mut self, pu_node: Option<u32>, memory_node: Option<u32>) -> &mut TrafficCell {
        let key = [pu_node, memory_node].map(|node| (node.is_none(), node));
        self.0.entry(key).or_insert(TrafficCell { pu_node, memory_node, touches: 0, moved: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Moving;

    #[test]
    fn what_moved_is_spread_over_its_ends() {
        let moves =
            [(Moving::SharedPage, 0, 1), (Moving::Worker, 2, 3)].map(|(what, from, to)| Move::new(what, from, to));
        let classes = Classes::new(0..4).with_moves(moves);
        let [page, worker] = moves.map(|one| classes.of_ends(one.what, Some(one.from), Some(one.to)));
        let on = |node| classes.of(Some(node));
        let mut traffic = Traffic::new(&classes);
        traffic.count(on(0), on(0), 100);
        traffic.count(on(2), page, 20);
        traffic.count(worker, page, 8);
        traffic.count(worker, on(3), 12);
        traffic.count(on(0), classes.of(None), 5);
        traffic.count(worker, classes.of(None), 6);
        let mut found = NodeTraffic::default();
        found.take(&traffic, &classes, |one| if one == moves[0] { 0.75 } else { 0.5 });
        let cell = |pu_node, memory_node, touches, moved| TrafficCell { pu_node, memory_node, touches, moved };
        let expect = [
            cell(Some(0), Some(0), 100, 0.0),
            cell(Some(0), None, 5, 0.0),
            cell(Some(2), Some(0), 0, 5.0 + 1.0),
            cell(Some(2), Some(1), 0, 15.0 + 3.0),
            cell(Some(2), Some(3), 0, 6.0),
            cell(Some(3), Some(0), 0, 1.0),
            cell(Some(3), Some(1), 0, 3.0),
            cell(Some(3), Some(3), 0, 6.0),
            cell(None, None, 6, 0.0),
        ];
        assert_eq!(found.clone().into_cells(), expect);
        let mut twice = found.clone();
        twice.add(&found);
        let doubled = expect.map(|cell| TrafficCell { touches: 2 * cell.touches, moved: 2.0 * cell.moved, ..cell });
        assert_eq!(twice.into_cells(), doubled);
    }
}
