package dynamodbmodel

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// value is an attribute's value in DynamoDB's JSON form, such as {"N": "12.5"}.
type value map[string]any

// text returns a string attribute's value, or "" for other types.
func (v value) text() string {
	text, _ := v["S"].(string)
	return text
}

type item map[string]value

type table struct {
	key     string // the name of the partition key, a string
	indexes map[string]index
	rows    map[string]*row
}

type index struct{ partition, sort string }

// row is one item with its earlier versions.
type row struct {
	held     bool // locked by a transaction
	versions []version
}

type version struct {
	item    item
	visible time.Time // when eventually consistent reads begin to see it
}

// row returns the row with this key. If there is none, it adds an empty one.
func (t *table) row(key item) *row {
	name := key[t.key].text()
	if t.rows[name] == nil {
		t.rows[name] = &row{}
	}
	return t.rows[name]
}

func (t *table) keys() []string { return slices.Sorted(maps.Keys(t.rows)) }

// segment returns the keys in one segment of a parallel Scan.
func (t *table) segment(number, of int) (keys []string) {
	for _, key := range t.keys() {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(key))
		if of <= 1 || int(hash.Sum32()%uint32(of)) == number {
			keys = append(keys, key)
		}
	}
	return keys
}

// now returns the committed item, or nil.
func (r *row) now() item {
	if len(r.versions) == 0 {
		return nil
	}
	return r.versions[len(r.versions)-1].item
}

// eventually returns the last version that an eventually consistent read can see, or nil.
func (r *row) eventually() (seen item) {
	now := time.Now()
	for _, v := range r.versions {
		if !v.visible.After(now) {
			seen = v.item
		}
	}
	return seen
}

func (r *row) put(i item, lag time.Duration) {
	r.versions = append(r.versions, version{i, time.Now().Add(lag)})
}
