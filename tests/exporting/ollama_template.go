package main

// Renders TEMPLATEs as Ollama does: its data are a map with System, Messages (Role, Content) and Response.

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type message struct{ Role, Content string }

type job struct {
	Template string
	Talks    [][]message
}

func main() {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		panic(err)
	}
	said := [][]string{}
	for _, job := range jobs {
		parsed := template.Must(template.New("").Option("missingkey=zero").Parse(job.Template))
		texts := []string{}
		for _, talk := range job.Talks {
			system, messages := []string{}, []*message{}
			for i := range talk {
				if talk[i].Role == "system" {
					system = append(system, talk[i].Content)
				}
				messages = append(messages, &talk[i])
			}
			var text strings.Builder
			data := map[string]any{"System": strings.Join(system, "\n\n"), "Messages": messages, "Response": ""}
			if err := parsed.Execute(&text, data); err != nil {
				panic(err)
			}
			texts = append(texts, text.String())
		}
		said = append(said, texts)
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		panic(err)
	}
}
