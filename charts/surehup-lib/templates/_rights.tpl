{{- /* The Role of the sidecar and its binding, for the pod's service account. */ -}}
{{- define "surehup.role" -}}
{{- $configMaps := include "surehup.objects" (merge (dict "kind" "configMap") .) | fromJsonArray -}}
{{- $secrets := include "surehup.objects" (merge (dict "kind" "secret") .) | fromJsonArray -}}
{{- $rbac := .values.rbac -}}
{{- if and .values.enabled $rbac.create (or $configMaps $secrets) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "surehup.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "surehup.labels" . | nindent 4 }}
rules:
  {{- include "surehup.roleRules" (dict "configMaps" $configMaps "secrets" $secrets "rbac" $rbac "guarded" .values.guard.enabled) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "surehup.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "surehup.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "surehup.name" . }}
subjects:
  - kind: ServiceAccount
    name: {{ include "surehup.serviceAccountName" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
{{- end -}}

{{- /* Takes (dict "configMaps" LIST "secrets" LIST "rbac" VALUES "guarded" BOOL). */ -}}
{{- define "surehup.roleRules" -}}
{{- with .configMaps -}}
# list and watch are asked with the field selector metadata.name=NAME, which is how the API server
# takes the name from them.
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: {{ toJson . }}
  verbs: [get, list, watch, patch]
{{ end -}}
{{- with .secrets -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get, list, watch, patch]
{{ end -}}
{{- if .rbac.history -}}
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [create, get, list, patch, delete]
{{ end -}}
{{- if .rbac.events -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{ end -}}
{{- if or .rbac.podStatus .guarded -}}
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
{{ end -}}
{{- end -}}
