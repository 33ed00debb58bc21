{{- /* Reads a file of this chart from within the consumer's, under whatever alias it is there. */ -}}
{{- define "surehup.file" -}}
{{- $path := printf "files/surehup-%s" .path -}}
{{- $text := .root.Files.Get $path -}}
{{- range .root.Subcharts -}}
{{- if not $text }}{{ $text = .Files.Get $path }}{{ end -}}
{{- end -}}
{{- required (printf "surehup: %s was not found: is surehup-lib a direct dependency of this chart?" $path) $text -}}
{{- end -}}

{{- /*
Takes "selector" besides: the labels of the pods; and "everywhere", if they are in other namespaces.
*/ -}}
{{- define "surehup.podMonitor" -}}
{{- if and .values.enabled .values.podMonitor.enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "surehup.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "surehup.labels" . | nindent 4 }}
    {{- with .values.podMonitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- toYaml .selector | nindent 6 }}
  {{- if .everywhere }}
  namespaceSelector:
    any: true
  {{- end }}
  podMetricsEndpoints:
    - port: surehup
      path: /metrics
      interval: {{ .values.podMonitor.interval }}
{{- end -}}
{{- end -}}

{{- define "surehup.prometheusRule" -}}
{{- if and .values.enabled .values.prometheusRule.enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "surehup.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "surehup.labels" . | nindent 4 }}
    {{- with .values.prometheusRule.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "surehup.file" (dict "root" .root "path" "alerts.yaml") | nindent 2 }}
{{- end -}}
{{- end -}}

{{- /* A ConfigMap that Grafana's dashboard sidecar picks up by its label. */ -}}
{{- define "surehup.dashboard" -}}
{{- if and .values.enabled .values.dashboard.enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "surehup.name" . }}-dashboard
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "surehup.labels" . | nindent 4 }}
    {{ .values.dashboard.label }}: {{ .values.dashboard.labelValue | quote }}
  {{- with .values.dashboard.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  surehup.json: |
    {{- include "surehup.file" (dict "root" .root "path" "dashboard.json") | nindent 4 }}
{{- end -}}
{{- end -}}
