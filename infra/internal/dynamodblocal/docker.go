package dynamodblocal

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

const (
	// image is Amazon's own, with a Java of its own.
	image = "amazon/dynamodb-local:" + version
	// engineWithin bounds the wait for Docker's engine to say that it is there.
	engineWithin = 20 * time.Second
)

// findDocker returns a docker whose engine answers, with the image pulled.
func findDocker(ctx context.Context, log io.Writer) (source, error) {
	program, err := exec.LookPath("docker")
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	if _, err := run(limited, command{args: []string{program, "version"}}); err != nil {
		return nil, fmt.Errorf("docker version: %w", err)
	}
	if _, err := run(ctx, command{args: []string{program, "image", "inspect", image}}); err != nil {
		title := "DynamoDB Local " + version + " (Docker image " + image + ")"
		if err := showProgress(log, title, func() error {
			_, err := run(ctx, command{args: []string{program, "pull", "--quiet", image}})
			return err
		}); err != nil {
			return nil, fmt.Errorf("docker pull %s: %w", image, err)
		}
	}
	return func(port int, data, origin string) command {
		return dockerCommand(program, port, data, origin)
	}, nil
}

// dockerCommand runs DynamoDB Local in a container.
//
// A container does not end with the docker that runs it, so it has a name by which the
// watchdog removes it. It writes the data folder as this process's user.
func dockerCommand(program string, port int, data, origin string) command {
	name := "onewrite-dynamodb-" + rand.Text()
	args := []string{program, "run", "--rm", "--name", name, "-p", fmt.Sprintf("127.0.0.1:%d:8000", port)}
	if data != "" {
		args = append(args, "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
			"--mount", "type=bind,source="+data+",target=/data")
		data = "/data"
	}
	args = append(args, image, "-jar", "DynamoDBLocal.jar")
	return command{
		args: append(args, serverArgs(data, origin)...),
		undo: []string{"docker", "rm", "--force", "--volumes", name},
	}
}
