// Code for a person to copy: a call as a curl command or as a complete program.

const quoted = (text) => JSON.stringify(text); // the text as a string literal, valid in Go, Python and TypeScript
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl({ method, url, headers, body }) {
  const words = ["curl", "-i", shell(url)];
  for (const [name, value] of Object.entries(headers)) words.push("-H", shell(`${name}: ${value}`));
  if (method === "POST") words.push("-d", shell(body));
  return words.join(" ");
}

const go = ({ method, url, headers, body }) => `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
)

func main() {
	r, err := http.NewRequest(${quoted(method)}, ${quoted(url)}, strings.NewReader(${quoted(body)}))
	if err != nil {
		log.Fatal(err)
	}
${Object.entries(headers).map(([name, value]) => `	r.Header.Set(${quoted(name)}, ${quoted(value)})\n`).join("")}	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, "replayed:", answer.Header.Get("Idempotent-Replayed"))
	fmt.Println(string(text))
}
`;

const python = ({ method, url, headers, body }) => `import urllib.error
import urllib.request

request = urllib.request.Request(
    ${quoted(url)},
    method=${quoted(method)},
    headers=${quoted(headers)},
    data=${body ? `${quoted(body)}.encode()` : "None"},
)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as problem:
    answer = problem
print(answer.status, "replayed:", answer.headers.get("Idempotent-Replayed"))
print(answer.read().decode())
`;

const typescript = ({ method, url, headers, body }) => `const answer = await fetch(${quoted(url)}, {
  method: ${quoted(method)},
  headers: ${quoted(headers)},${body ? `\n  body: ${quoted(body)},` : ""}
});
console.log(answer.status, "replayed:", answer.headers.get("Idempotent-Replayed"));
console.log(await answer.text());
`;

export const languages = { curl, Go: go, Python: python, TypeScript: typescript };

// codeOf returns the code that makes a call to this page's server.
export const codeOf = (language, call) => languages[language]({ ...call, url: location.origin + call.path });
