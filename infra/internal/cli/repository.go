package cli

import (
	"context"
	"errors"
	"os/exec"
	"strings"
)

// module is the one whose packages the commands build.
const module = "onewrite"

// InRepository returns an error unless the working folder is one of the
// repository. Commands that build its packages ask before they begin.
func InRepository(ctx context.Context) error {
	name, err := exec.CommandContext(ctx, "go", "list", "-m").Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && (ctx.Err() != nil || !failed) {
		return err
	}
	if strings.TrimSpace(string(name)) != module {
		return Usagef("this builds packages of the repository; run it in a folder of that")
	}
	return nil
}
