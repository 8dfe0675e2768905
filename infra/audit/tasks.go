package main

import (
	"slices"
	"strings"

	"onewrite/infra/internal/cli"
)

// tasks lists what the command can be asked for, each by the flag that asks for
// it, with the flags that mean something there. The last is what it does unasked.
var tasks = []struct {
	flag, name string
	with       []string
}{
	{"rebuild", "-rebuild", []string{"rate", "segments", "settle", "json", "write", "user"}},
	{"user", "-user", []string{"rate", "settle", "json", "csv", "from", "to"}},
	{"export", "-export", []string{"rate", "segments", "json", "csv", "from", "to"}},
	{"", "the audit of everybody", []string{"rate", "segments", "settle", "json", "emf", "service"}},
}

// checkTogether returns an error if a flag was given that means nothing to the
// task that was asked for. It names the tasks that the flag goes with.
func checkTogether(given []string) error {
	for _, task := range tasks {
		if task.flag != "" && !slices.Contains(given, task.flag) {
			continue
		}
		for _, flag := range given {
			if flag == task.flag || slices.Contains(task.with, flag) {
				continue
			}
			return cli.Usagef("-%s does not go with %s%s", flag, task.name, goesWith(flag))
		}
		return nil
	}
	return nil
}

// goesWith names the tasks that a flag goes with.
func goesWith(flag string) string {
	var names []string
	for _, task := range tasks {
		if slices.Contains(task.with, flag) {
			names = append(names, task.name)
		}
	}
	if names == nil {
		return ""
	}
	return ", but with " + strings.Join(names, " or ")
}
