package exhaustive_test

// choices are those of one run: the first are given, and from then on the first
// of each is taken.
type choices struct {
	given []int
	taken []int
	from  []int // how many there were
}

// choose returns one of n.
func (c *choices) choose(n int) int {
	choice := 0
	if i := len(c.taken); i < len(c.given) {
		choice = c.given[i]
	}
	c.taken, c.from = append(c.taken, choice), append(c.from, n)
	return choice
}

// next returns the choices of the run after this one, or nil after the last.
func (c *choices) next() *choices {
	for i := len(c.taken) - 1; i >= 0; i-- {
		if c.taken[i]+1 < c.from[i] {
			return &choices{given: append(c.taken[:i:i], c.taken[i]+1)}
		}
	}
	return nil
}
