// Checks a published ledger with nothing of Hydravisor's: the transparency-log and signed-note packages of golang.org/x/mod. Follows the keys
// from the first to the present one, checks the checkpoint's signature, computes the root from the tiles, holds every entry against its hash
// in them, and proves the first and the last of each bundle.
//
//	check_ledger DIRECTORY        prints "ok ENTRIES KEYS ROOT", or what is wrong, with status 1
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func fail(format string, arguments ...interface{}) {
	fmt.Printf("wrong: "+format+"\n", arguments...)
	os.Exit(1)
}

// tilePath is c2sp.org/tlog-tiles' path for the package's tile, which has the height in its own.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

type tileReader struct {
	directory string
	known     map[tlog.Tile][]byte
}

func (r tileReader) Height() int { return tileHeight }

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		if data, found := r.known[tile]; found {
			all = append(all, data)
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.directory, tilePath(tile)))
		if err != nil {
			// The full tile may have replaced the partial one.
			full := tile
			full.W = 1 << tileHeight
			if data, err = os.ReadFile(filepath.Join(r.directory, tilePath(full))); err != nil {
				return nil, err
			}
			data = data[:tile.W*tlog.HashSize]
		}
		r.known[tile] = data
		all = append(all, data)
	}
	return all, nil
}

func entriesPath(index int64, width int) string {
	path := fmt.Sprintf("%03d", index%1000)
	for rest := index / 1000; rest > 0; rest /= 1000 {
		path = fmt.Sprintf("x%03d/%s", rest%1000, path)
	}
	if width < 1<<tileHeight {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/entries/" + path
}

func readBundle(directory string, index int64, width int) [][]byte {
	data, err := os.ReadFile(filepath.Join(directory, entriesPath(index, width)))
	if err != nil {
		fail("%v", err)
	}
	var entries [][]byte
	for len(data) > 0 {
		size := 0
		if len(data) >= 2 {
			size = int(data[0])<<8 | int(data[1])
		}
		if len(data) < 2+size {
			fail("%s: an entry is cut short", entriesPath(index, width))
		}
		entries = append(entries, data[2:2+size])
		data = data[2+size:]
	}
	if len(entries) != width {
		fail("%s: %d entries, expected %d", entriesPath(index, width), len(entries), width)
	}
	return entries
}

func verifier(key string) note.Verifier {
	result, err := note.NewVerifier(key)
	if err != nil {
		fail("key %q: %v", key, err)
	}
	return result
}

type handover struct {
	size int64
	root tlog.Hash
}

// followKeys returns the present key and what each earlier one signed last.
func followKeys(directory string) (keys []string, handovers []handover) {
	first, err := os.ReadFile(filepath.Join(directory, "keys", "0.vkey"))
	if err != nil {
		fail("%v", err)
	}
	keys = []string{strings.TrimSuffix(string(first), "\n")}
	for period := 1; ; period++ {
		text, err := os.ReadFile(filepath.Join(directory, "keys", fmt.Sprintf("%d.note", period)))
		if err != nil {
			return keys, handovers
		}
		opened, err := note.Open(text, note.VerifierList(verifier(keys[period-1])))
		if err != nil {
			fail("hand-over %d: %v", period, err)
		}
		lines := strings.Split(opened.Text, "\n")
		if len(lines) != 8 || lines[2] != strconv.Itoa(period) {
			fail("hand-over %d: not one", period)
		}
		size, err := strconv.ParseInt(lines[4], 10, 64)
		if err != nil {
			fail("hand-over %d: %v", period, err)
		}
		root, err := tlog.ParseHash(lines[5])
		if err != nil {
			fail("hand-over %d: %v", period, err)
		}
		keys = append(keys, lines[3])
		handovers = append(handovers, handover{size, root})
	}
}

// prove makes an inclusion proof and checks it, as somebody does who holds one entry and the checkpoint.
func prove(index int64, hash tlog.Hash, tree tlog.Tree, reader tlog.HashReader) {
	proof, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		fail("entry %d: %v", index, err)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash); err != nil {
		fail("entry %d: %v", index, err)
	}
}

func main() {
	directory := os.Args[1]
	keys, handovers := followKeys(directory)
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		fail("%v", err)
	}
	opened, err := note.Open(text, note.VerifierList(verifier(keys[len(keys)-1])))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 {
		fail("checkpoint: %d lines", len(lines))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		fail("checkpoint: %v", err)
	}
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tileReader{directory, map[tlog.Tile][]byte{}})
	computed, err := tlog.TreeHash(size, reader)
	if err != nil {
		fail("tiles: %v", err)
	}
	if computed != root {
		fail("the tiles have another root than the checkpoint")
	}
	for period, handed := range handovers {
		proof, err := tlog.ProveTree(size, handed.size, reader)
		if err != nil {
			fail("hand-over %d: %v", period+1, err)
		}
		if err := tlog.CheckTree(proof, size, root, handed.size, handed.root); err != nil {
			fail("hand-over %d: %v", period+1, err)
		}
	}
	for first := int64(0); first < size; first += 1 << tileHeight {
		width := 1 << tileHeight
		if size-first < int64(width) {
			width = int(size - first)
		}
		// The reader authenticates every tile that it takes a hash from.
		var indexes []int64
		for i := 0; i < width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(i)))
		}
		sealed, err := reader.ReadHashes(indexes)
		if err != nil {
			fail("entries from %d: %v", first, err)
		}
		for i, entry := range readBundle(directory, first>>tileHeight, width) {
			index := first + int64(i)
			hash := tlog.RecordHash(entry)
			if hash != sealed[i] {
				fail("entry %d: not the one whose hash is in the tree", index)
			}
			if i == 0 || i == width-1 {
				prove(index, hash, tree, reader)
			}
			var envelope struct {
				Index int64 `json:"index"`
			}
			// Of whatever version: each begins with it and with the index.
			if err := json.Unmarshal(entry, &envelope); err != nil || envelope.Index != index {
				fail("entry %d: not an envelope of that index: %s", index, entry)
			}
		}
	}
	fmt.Printf("ok %d %d %s\n", size, len(keys), root)
}
