package main

import (
	"slices"

	"onewrite/infra/internal/cli"
)

// tasks lists what the command can be asked for, each by the flag that asks for
// it, with the flags that mean something there. The last is what it does unasked.
var tasks = []struct {
	flag, name string
	with       []string
}{
	{"repair", "-repair", []string{"rate", "segments", "settle", "json", "write"}},
	{"user", "-user", []string{"rate", "settle", "json", "csv", "from", "to"}},
	{"export", "-export", []string{"rate", "segments", "json", "csv", "from", "to"}},
	{"", "the audit of everybody", []string{"rate", "segments", "settle", "json", "emf", "service"}},
}

// checkTogether returns an error if a flag was given that means nothing to the
// task that was asked for.
func checkTogether(given []string) error {
	for _, task := range tasks {
		if task.flag != "" && !slices.Contains(given, task.flag) {
			continue
		}
		for _, flag := range given {
			if flag != task.flag && !slices.Contains(task.with, flag) {
				return cli.Usagef("-%s does not go with %s", flag, task.name)
			}
		}
		return nil
	}
	return nil
}
