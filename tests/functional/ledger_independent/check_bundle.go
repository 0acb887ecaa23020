// Checks a bundle with nothing of Hydravisor's: follows its keys from the one given, opens its checkpoint, checks every inclusion proof, every
// payload's hash, and the consistency proof when there is one.
//
//	check_bundle FILE KEY         prints "ok ENTRIES SIZE", or what is wrong, with status 1
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type header struct {
	Bundle     string
	Checkpoint string
	Keys       []string
	Continues  *struct {
		Checkpoint string
		Proof      []string
	}
}

type line struct {
	Entries  *int
	Envelope string
	Salt     *string
	Payload  *string
	Proof    []string
}

func fail(format string, arguments ...interface{}) {
	fmt.Printf("wrong: "+format+"\n", arguments...)
	os.Exit(1)
}

func hashes(texts []string) (all []tlog.Hash) {
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			fail("%v", err)
		}
		all = append(all, hash)
	}
	return all
}

// open gives the tree that a checkpoint is signed for by any of the keys; the newest are tried first.
func open(text string, keys []string) tlog.Tree {
	for i := len(keys) - 1; i >= 0; i-- {
		verifier, err := note.NewVerifier(keys[i])
		if err != nil {
			fail("key %q: %v", keys[i], err)
		}
		opened, err := note.Open([]byte(text), note.VerifierList(verifier))
		if err != nil {
			continue
		}
		lines := strings.Split(opened.Text, "\n")
		size, err := strconv.ParseInt(lines[1], 10, 64)
		if err != nil || lines[0] != verifier.Name() {
			fail("not a checkpoint of this ledger: %q", opened.Text)
		}
		root, err := tlog.ParseHash(lines[2])
		if err != nil {
			fail("%v", err)
		}
		return tlog.Tree{N: size, Hash: root}
	}
	fail("no key of the ledger signed the checkpoint")
	return tlog.Tree{}
}

func followKeys(given string, notes []string) []string {
	keys := []string{given}
	for period, text := range notes {
		verifier, err := note.NewVerifier(keys[period])
		if err != nil {
			fail("key %q: %v", keys[period], err)
		}
		opened, err := note.Open([]byte(text), note.VerifierList(verifier))
		if err != nil {
			fail("hand-over %d: %v", period+1, err)
		}
		keys = append(keys, strings.Split(opened.Text, "\n")[3])
	}
	return keys
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		fail("%v", err)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	var head header
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Bundle != "hydravisor-bundle-1" {
		fail("not a bundle")
	}
	if len(head.Keys) == 0 || head.Keys[0] != os.Args[2] {
		fail("its first key is another")
	}
	keys := followKeys(os.Args[2], head.Keys[1:])
	tree := open(head.Checkpoint, keys)
	if head.Continues != nil {
		old := open(head.Continues.Checkpoint, keys)
		if err := tlog.CheckTree(hashes(head.Continues.Proof), tree.N, tree.Hash, old.N, old.Hash); err != nil {
			fail("it does not continue the older checkpoint: %v", err)
		}
	}
	entries, ended := 0, false
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil || ended {
			fail("line %d: %v", entries+2, err)
		}
		if one.Entries != nil {
			if ended = *one.Entries == entries; !ended {
				fail("it says %d entries, and has %d", *one.Entries, entries)
			}
			continue
		}
		var envelope struct {
			Index int64
			Hash  string `json:"payload_sha256"`
		}
		if err := json.Unmarshal([]byte(one.Envelope), &envelope); err != nil {
			fail("line %d: %v", entries+2, err)
		}
		if err := tlog.CheckRecord(hashes(one.Proof), tree.N, tree.Hash, envelope.Index, tlog.RecordHash([]byte(one.Envelope))); err != nil {
			fail("entry %d: %v", envelope.Index, err)
		}
		if one.Payload != nil {
			salt, _ := hex.DecodeString(*one.Salt)
			hash := sha256.Sum256(append(salt, *one.Payload...))
			if hex.EncodeToString(hash[:]) != envelope.Hash {
				fail("entry %d: another payload", envelope.Index)
			}
		}
		entries++
	}
	if !ended {
		fail("its end is missing")
	}
	fmt.Printf("ok %d %d\n", entries, tree.N)
}
