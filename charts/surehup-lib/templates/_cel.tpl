{{- /*
A value as a CEL literal, for policies that add it to an object: so that what is injected is made
from the same definition as what charts write. Takes (dict "path" TYPE "value" VALUE); a string that
begins with "cel:" is an expression, and a key that begins with "?" an optional field.
*/ -}}
{{- define "surehup.cel" -}}
{{- $path := .path -}}
{{- $value := .value -}}
{{- if kindIs "map" $value -}}
{{- $plain := has (splitList "." $path | last) (list "limits" "requests") -}}
{{- $fields := list -}}
{{- range $key := keys $value | sortAlpha -}}
{{- $literal := include "surehup.cel" (dict "path" (printf "%s.%s" $path (trimPrefix "?" $key)) "value" (get $value $key)) -}}
{{- $fields = append $fields (printf "%s: %s" ($plain | ternary (toJson $key) $key) $literal) -}}
{{- end -}}
{{- $plain | ternary "" $path }}{ {{- join ", " $fields -}} }
{{- else if kindIs "slice" $value -}}
{{- $items := list -}}
{{- range $value -}}
{{- $items = append $items (include "surehup.cel" (dict "path" $path "value" .)) -}}
{{- end -}}
[{{ join ", " $items }}]
{{- else if kindIs "string" $value -}}
{{- hasPrefix "cel:" $value | ternary (trimPrefix "cel:" $value) (mustToRawJson $value) -}}
{{- else -}}
{{- toJson $value -}}
{{- end -}}
{{- end -}}
