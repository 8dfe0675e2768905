package simulation_test

// choices are the decisions of one run: those in given first, and then always the first option.
type choices struct {
	given []int
	taken []int
	from  []int // how many options each decision in taken had
}

// choose chooses one of n options, and returns its index.
func (c *choices) choose(n int) int {
	choice := 0
	if i := len(c.taken); i < len(c.given) {
		choice = c.given[i]
	}
	c.taken, c.from = append(c.taken, choice), append(c.from, n)
	return choice
}

// next returns the choices for the next run, or nil if all runs have been made.
func (c *choices) next() *choices {
	for i := len(c.taken) - 1; i >= 0; i-- {
		if c.taken[i]+1 < c.from[i] {
			return &choices{given: append(c.taken[:i:i], c.taken[i]+1)}
		}
	}
	return nil
}
