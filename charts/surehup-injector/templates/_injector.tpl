{{- define "injector.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: surehup
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /*
What the policies know of a pod. Takes (dict "pod" EXPRESSION). A ConfigMap may be mounted by itself or
in a projected volume; the containers that are looked at are the main ones.
*/ -}}
{{- define "injector.variables" -}}
- name: pod
  expression: {{ .pod | quote }}
- name: ann
  expression: variables.pod.metadata.?annotations.orValue({})
- name: configMap
  expression: variables.ann[?'surehup.dev/configmap'].orValue('')
- name: secret
  expression: variables.ann[?'surehup.dev/secret'].orValue('')
- name: target
  expression: variables.ann[?'surehup.dev/container'].orValue(variables.pod.spec.containers[0].name)
- name: main
  expression: variables.pod.spec.containers.filter(c, c.name == variables.target)
- name: volumes
  expression: >-
    variables.pod.spec.?volumes.orValue([]).filter(v,
    (variables.configMap != '' && (v.?configMap.?name.orValue('') == variables.configMap
    || v.?projected.?sources.orValue([]).exists(s, s.?configMap.?name.orValue('') == variables.configMap)))
    || (variables.secret != '' && (v.?secret.?secretName.orValue('') == variables.secret
    || v.?projected.?sources.orValue([]).exists(s, s.?secret.?name.orValue('') == variables.secret)))).map(v, v.name)
- name: mounts
  expression: >-
    variables.main.size() == 0 ? []
    : variables.main[0].?volumeMounts.orValue([]).filter(m, m.name in variables.volumes)
{{- end -}}

{{- define "injector.binding" -}}
spec:
  policyName: {{ .name }}
  {{- with .actions }}
  validationActions: {{ toJson . }}
  {{- end }}
  {{- with .root.Values.namespaceSelector }}
  matchResources:
    namespaceSelector:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end -}}
