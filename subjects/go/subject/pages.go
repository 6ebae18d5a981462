package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"syscall"
	"unsafe"
)

// unknown is the node of a page that nobody told, of an absent one (-ENOENT), or of one that moved.
const unknown = -1

// pageMap is where the pages of one heap lie.
type pageMap struct {
	// Address of the first word, and of the page that it is in: small heaps begin within a page.
	base, first uintptr
	nodes       []int16
}

var pageBytes = uintptr(os.Getpagesize())

// Pages asked for in one call.
const pagesAtOnce = 4096

// locate asks where the pages of a heap lie, by move_pages(2) without nodes, which moves nothing.
func locate(words []uint64) (pageMap, error) {
	if len(words) == 0 {
		return pageMap{}, nil
	}
	base := uintptr(unsafe.Pointer(&words[0]))
	first := base &^ (pageBytes - 1)
	end := base + uintptr(len(words))*8
	found := pageMap{base: base, first: first, nodes: make([]int16, (end-first+pageBytes-1)/pageBytes)}
	addresses := make([]uintptr, pagesAtOnce)
	status := make([]int32, pagesAtOnce)
	var failed error
	for done := 0; done < len(found.nodes); done += pagesAtOnce {
		asked := len(found.nodes) - done
		if asked > pagesAtOnce {
			asked = pagesAtOnce
		}
		for at := 0; at < asked; at++ {
			addresses[at] = first + uintptr(done+at)*pageBytes
		}
		_, _, errno := syscall.Syscall6(sysMovePages, 0, uintptr(asked), uintptr(unsafe.Pointer(&addresses[0])), 0,
			uintptr(unsafe.Pointer(&status[0])), 0)
		for at := 0; at < asked; at++ {
			node := int16(unknown)
			if errno == 0 && status[at] >= 0 {
				node = int16(status[at])
			}
			found.nodes[done+at] = node
		}
		if errno != 0 {
			failed = fmt.Errorf("move_pages: %w", errno)
		}
	}
	return found, failed
}

// page is the number of the page that a line's first word is in.
func (m *pageMap) page(line uint64) int {
	return int((m.base - m.first + uintptr(line)*lineBytes) / pageBytes)
}

// both is the node of each page that an earlier map and this one agree on; and how many moved between known nodes.
func (m *pageMap) both(earlier *pageMap) (nodes []int16, moved uint64) {
	nodes = append(nodes, m.nodes...)
	for page, node := range nodes {
		if then := earlier.nodes[page]; then != node {
			nodes[page] = unknown
			if then != unknown && node != unknown {
				moved++
			}
		}
	}
	return nodes, moved
}

// traffic is how often a PU touched pages of a node; unknown is written as null.
type traffic struct {
	pu, node int32
	touches  uint64
}

func (t traffic) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]interface{}{orNull(t.pu), orNull(t.node), t.touches})
}

// onNode is how many pages lie on a node.
type onNode struct {
	node  int32
	pages uint64
}

func (o onNode) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]interface{}{orNull(o.node), o.pages})
}

func orNull(number int32) interface{} {
	if number == unknown {
		return nil
	}
	return number
}

// pageFigures is what the two maps say.
type pageFigures struct {
	PageBytes uint64 `json:"page_bytes"`
	// Pages on each node at the end.
	Private []onNode `json:"private"`
	Shared  []onNode `json:"shared"`
	// Pages on another known node than before the run; absent where nobody tells.
	Moved *uint64 `json:"moved,omitempty"`
}

func countNodes(maps []pageMap) []onNode {
	pages := map[int32]uint64{}
	for _, one := range maps {
		for _, node := range one.nodes {
			pages[int32(node)]++
		}
	}
	found := make([]onNode, 0, len(pages))
	for node, number := range pages {
		found = append(found, onNode{node, number})
	}
	sort.Slice(found, func(a, b int) bool { return found[a].node < found[b].node })
	return found
}

// countTraffic draws the touches of sampled requests again; and how many of them changed their PU.
func countTraffic(s *stream, visits []visit, maps *[2]*pageMap, nodes *[2][]int16) (found []traffic, moved uint64) {
	found = []traffic{}
	most := int16(unknown)
	for _, heap := range nodes {
		for _, node := range heap {
			if node > most {
				most = node
			}
		}
	}
	// Touches by node + 1, of each PU.
	rows := map[int32][]uint64{}
	for _, one := range visits {
		pu := one.before
		if one.before != one.after {
			pu = unknown
			moved++
		}
		row := rows[pu]
		if row == nil {
			row = make([]uint64, most+2)
			rows[pu] = row
		}
		first := one.request * s.linesPerRequest
		for counter := first; counter < first+s.linesPerRequest; counter++ {
			at := s.touch(counter)
			row[nodes[at.heap][maps[at.heap].page(at.line)]+1]++
		}
	}
	for pu, row := range rows {
		for at, touches := range row {
			if touches > 0 {
				found = append(found, traffic{pu, int32(at) - 1, touches})
			}
		}
	}
	sort.Slice(found, func(a, b int) bool {
		if found[a].pu != found[b].pu {
			return found[a].pu < found[b].pu
		}
		return found[a].node < found[b].node
	})
	return found, moved
}
