package simulation_test

// choices are one run's: the given ones come first, and after them always the first option.
type choices struct {
	given []int
	taken []int
	from  []int // the number of options
}

// choose returns one of n options.
func (c *choices) choose(n int) int {
	choice := 0
	if i := len(c.taken); i < len(c.given) {
		choice = c.given[i]
	}
	c.taken, c.from = append(c.taken, choice), append(c.from, n)
	return choice
}

// next returns the next run's choices, or nil after the last run.
func (c *choices) next() *choices {
	for i := len(c.taken) - 1; i >= 0; i-- {
		if c.taken[i]+1 < c.from[i] {
			return &choices{given: append(c.taken[:i:i], c.taken[i]+1)}
		}
	}
	return nil
}
