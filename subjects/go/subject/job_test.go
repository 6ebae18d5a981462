package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func jobOf(from io.Reader) (*job, error) {
	raw, keys, err := readKeys(from)
	if err != nil {
		return nil, err
	}
	return readJob(raw, keys)
}

func TestWrongJobsAreRefusedInOneLine(t *testing.T) {
	good, err := json.Marshal(testJob())
	if err != nil {
		t.Fatal(err)
	}
	// null is as good as absent.
	if _, err := jobOf(strings.NewReader(string(good))); err != nil {
		t.Errorf("%v: %s", err, good)
	}
	text := strings.Replace(string(good), `"seconds":null,`, "", 1)
	if _, err := jobOf(strings.NewReader(text)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, one := range []struct{ from, to, expect string }{
		{text, "", "no job on stdin: EOF"},
		{text, "12", "job: json"},
		{text, `{"v":1`, "no job on stdin: unexpected EOF"},
		{`"v":1`, `"v":2`, "job of version 2, this program speaks 1"},
		{`"workers":3`, `"workers":0`, "workers: 0 asked, from 1 to 65536"},
		{`"workers":3`, `"workers":-1`, "workers: -1 asked"},
		{`"workers":3`, `"thread":3`, `key "workers" is missing`},
		{`"v":1`, `"v":1,"thread":3`, `unknown field "thread"`},
		{`"procs":2`, `"procs":0`, "procs: 0 asked"},
		{`"private_bytes":16384`, `"private_bytes":18446744073709551615`, "private_bytes: 18446744073709551615 asked"},
		{`"private_bytes":16384`, `"private_bytes":281474976710656`, "heaps: 3 x 281474976710656 bytes private"},
		{`"private_bytes":16384`, `"private_bytes":63`, "private_bytes: 63 bytes are touched"},
		{`"shared_ratio":0.25`, `"shared_ratio":1.5`, "shared_ratio: 1.5 is not from 0 to 1"},
		{`"touches":"independent"`, `"touches":"both"`, `touches: "both" is none of`},
		{`"shared_toucher":"all"`, `"shared_toucher":"none"`, "shared_toucher: "},
		{`"gogc":100`, `"gogc":-2`, "gogc: -2 is neither"},
		{`"gogc":100`, `"gogc":null`, "gogc is missing"},
		{`"operations":500`, `"operations":0`, "operations: 0 of each worker"},
		{`"operations":500`, `"operations":5,"seconds":1`, "one of seconds and operations"},
		{`"operations":500`, `"seconds":-1`, "seconds: -1 is not above 0"},
		{`"sample_first":1`, `"sample_first":3`, "sample_first: 3 is not a power of two"},
	} {
		wrong := strings.Replace(text, one.from, one.to, 1)
		_, err := jobOf(strings.NewReader(wrong))
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestMemoryThatIsNotThereIsNamed(t *testing.T) {
	job := testJob()
	job.PrivateBytes = 1 << 46
	_, err := checkMemory(job)
	if err == nil || !strings.Contains(err.Error(), "211106") || !strings.Contains(err.Error(), "available") {
		t.Errorf("3 x 64 TiB: %v", err)
	}
	job = testJob()
	off, many := -1, uint64(1<<50)
	job.Gogc, job.Operations = &off, &many
	if err := checkGarbage(job, 1<<30); err == nil || !strings.Contains(err.Error(), "at most 3579139 operations") {
		t.Errorf("garbage without a collector: %v", err)
	}
}
