{{- define "app.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{- define "app.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "app.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{ include "app.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: surehup
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "app.configMap" -}}
{{- .Values.config.existing | default (printf "%s-config" (include "app.name" .)) -}}
{{- end -}}

{{- define "app.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "app.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /*
What the library's templates take, as JSON: this chart's own answers over the sidecar's values. The
root is not in it, as it cannot be written down.
*/ -}}
{{- define "app.sidecar" -}}
{{- $values := deepCopy .Values.sidecar -}}
{{- $_ := set $values "container" .Values.main.name -}}
{{- $_ := set $values "volume" "config" -}}
{{- $_ := set $values "configMap" (include "app.configMap" .) -}}
{{- if .Values.config.published -}}
{{- $_ := set $values "mount" "/run/surehup-source" -}}
{{- $_ := set $values "publish" .Values.config.mountPath -}}
{{- else -}}
{{- $_ := set $values "mount" .Values.config.mountPath -}}
{{- end -}}
{{- if not $values.settings.bridges -}}
{{- $rollout := dict "replicas" (int .Values.replicas) -}}
{{- $_ := set $values "settings" (merge (dict "bridges" (list (dict "rollout" $rollout))) $values.settings) -}}
{{- end -}}
{{- $selector := include "app.selector" . | fromYaml -}}
{{- $labels := include "app.labels" . | fromYaml -}}
{{- toJson (dict "values" $values "name" (printf "%s-surehup" (include "app.name" .)) "serviceAccountName" (include "app.serviceAccountName" .) "labels" $labels "selector" $selector) -}}
{{- end -}}

{{- define "app.image" -}}
{{- $image := .Values.main.image -}}
{{- $name := required "surehup: main.image.repository is empty: name the daemon's image, or take a file of examples/ by -f" $image.repository -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else -}}
{{ $name }}:{{ required "surehup: main.image has neither tag nor digest: say which one of the images is meant" $image.tag }}
{{- end -}}
{{- end -}}
