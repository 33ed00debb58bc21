{{- /*
What every template here takes: (dict "root" $ "values" VALUES), where VALUES has the shape of this
chart's values.yaml. "name", "serviceAccountName" and "labels" may be given besides.
*/ -}}

{{- /* The version of the sidecar. Not .Chart.AppVersion, which is the consumer's in a library. */ -}}
{{- define "surehup.version" -}}
0.1.0
{{- end -}}

{{- define "surehup.image" -}}
{{- $image := .values.image -}}
{{- $name := required "surehup: image.repository is empty: name the sidecar's image" $image.repository -}}
{{- with $image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else -}}
{{ $name }}:{{ $image.tag | default (include "surehup.version" .) }}
{{- end -}}
{{- end -}}

{{- /* The name of what belongs to the sidecar: Role, guard, monitor. */ -}}
{{- define "surehup.name" -}}
{{- .name | default (printf "%s-surehup" .root.Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "surehup.serviceAccountName" -}}
{{- .serviceAccountName | default .values.serviceAccountName | default "default" -}}
{{- end -}}

{{- define "surehup.labels" -}}
{{- with .labels -}}
{{ toYaml . }}
{{- else -}}
app.kubernetes.io/name: surehup
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: sidecar
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}
{{- end -}}

{{- /* Names of the objects of one kind ("configMap" or "secret") that the sidecar works on, as JSON. */ -}}
{{- define "surehup.objects" -}}
{{- $kind := .kind -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $names := list -}}
{{- with index .values $kind }}{{ $names = append $names . }}{{ end -}}
{{- range .values.settings.bridges -}}
{{- with dig "source" $kind "" . }}{{ $names = append $names . }}{{ end -}}
{{- end -}}
{{- $local := list -}}
{{- range $names -}}
{{- $parts := splitList "/" . -}}
{{- if and (eq (len $parts) 2) (ne (first $parts) $namespace) -}}
{{- fail (printf "surehup: %s is in another namespace than the release (%s), and pods mount only what is in theirs" . $namespace) -}}
{{- end -}}
{{- $local = append $local (last $parts) -}}
{{- end -}}
{{- uniq $local | toJson -}}
{{- end -}}

{{- /*
The digest that the sidecar computes of a ConfigMap, for its annotation surehup.dev/desired. Takes
(dict "data" MAP "binaryData" MAP): sha256 of the lines KEY:sha256(VALUE), keys sorted bytewise.
*/ -}}
{{- define "surehup.desiredDigest" -}}
{{- $sums := dict -}}
{{- range $key, $value := .data }}{{ $_ := set $sums $key (sha256sum $value) }}{{ end -}}
{{- range $key, $value := .binaryData }}{{ $_ := set $sums $key (sha256sum (b64dec $value)) }}{{ end -}}
{{- $lines := "" -}}
{{- range $key := keys $sums | sortAlpha -}}
{{- $lines = printf "%s%s:%s\n" $lines $key (get $sums $key) -}}
{{- end -}}
{{- sha256sum $lines -}}
{{- end -}}
