{{- /* The sidecar for the list initContainers: there where it is native, as it is by default. */ -}}
{{- define "surehup.initContainers" -}}
{{- if and .values.enabled .values.native -}}
- {{ include "surehup.sidecar" . | nindent 2 | trim }}
{{- end -}}
{{- end -}}

{{- /* The same for the list containers, for Kubernetes before 1.29. */ -}}
{{- define "surehup.containers" -}}
{{- if and .values.enabled (not .values.native) -}}
- {{ include "surehup.sidecar" . | nindent 2 | trim }}
{{- end -}}
{{- end -}}

{{- define "surehup.sidecar" -}}
{{- include "surehup.check" . -}}
{{ include "surehup.container" . }}
args:
  {{- include "surehup.args" . | nindent 2 }}
env:
  {{- include "surehup.podEnv" . | nindent 2 }}
  {{- with .values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  {{- include "surehup.mounts" . | nindent 2 }}
{{- end -}}

{{- /* What is the same by whichever door the sidecar comes in; the injector uses it as well. */ -}}
{{- define "surehup.container" -}}
{{- $values := .values -}}
name: {{ $values.name }}
image: {{ include "surehup.image" . | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- if $values.native }}
restartPolicy: Always
{{- end }}
ports:
  - name: surehup
    containerPort: {{ $values.port }}
startupProbe:
  httpGet:
    path: /startupz
    port: surehup
  periodSeconds: 1
  failureThreshold: {{ $values.startupSeconds }}
livenessProbe:
  httpGet:
    path: /healthz
    port: surehup
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  {{- with $values.runAsUser }}
  runAsUser: {{ int64 . }}
  {{- end }}
  {{- with $values.runAsGroup }}
  runAsGroup: {{ int64 . }}
  {{- end }}
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
resources:
  {{- toYaml $values.resources | nindent 2 }}
{{- end -}}

{{- define "surehup.check" -}}
{{- $version := .root.Capabilities.KubeVersion.Version -}}
{{- if and .values.native (semverCompare "<1.29.0-0" $version) -}}
{{- fail (printf "surehup: Kubernetes %s has no native sidecars: set native to false, and surehup becomes a plain container" $version) -}}
{{- end -}}
{{- if not .values.settings.bridges -}}
{{- $_ := required "surehup: mount is empty: name the folder where the main container mounts the configuration" .values.mount -}}
{{- end -}}
{{- if and .values.configMap .values.secret -}}
{{- fail "surehup: configMap and secret are both set: name one of them, or describe two bridges in settings" -}}
{{- end -}}
{{- end -}}

{{- define "surehup.args" -}}
{{- $values := .values -}}
{{- $own := list "logFormat" "logLevel" -}}
{{- $ofBridge := list "configMap" "secret" "mount" "publish" "preset" "container" "process" "signal" "trigger" "reloadUrl" "metricsUrl" "deadline" "file" "rollback" "group" -}}
{{- $several := gt (len ($values.settings.bridges | default list)) 1 -}}
- run
{{- range $flag := $several | ternary $own (concat $ofBridge $own) }}
{{- with index $values $flag }}
- {{ printf "--%s=%s" (eq $flag "configMap" | ternary "configmap" (kebabcase $flag)) . | quote }}
{{- end }}
{{- end }}
{{- range $several | ternary list $values.validate }}
- {{ printf "--validate=%s" . | quote }}
{{- end }}
{{- if ne (int $values.port) 9808 }}
- "--listen=:{{ $values.port }}"
{{- end }}
{{- if $values.settings }}
- --config=/etc/surehup/settings.yaml
{{- end }}
{{- with $values.args }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* What the sidecar must know of its own pod. */ -}}
{{- define "surehup.podEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- end -}}

{{- define "surehup.mounts" -}}
{{- $values := .values -}}
- name: surehup-state
  mountPath: /run/surehup
{{- with $values.mount }}
- name: {{ $values.volume }}
  mountPath: {{ . }}
  readOnly: true
{{- end }}
{{- with $values.publish }}
- name: surehup-published
  mountPath: {{ . }}
{{- end }}
{{- if $values.settings }}
- name: surehup-settings
  mountPath: /etc/surehup
  readOnly: true
{{- end }}
{{- if $values.token }}
- name: surehup-token
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}
{{- with $values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /*
What the main container mounts to read its configuration: one item of its volumeMounts. In published
mode that is the folder that only the sidecar writes.
*/ -}}
{{- define "surehup.mainMount" -}}
{{- if and .values.enabled .values.publish -}}
name: surehup-published
mountPath: {{ .values.publish }}
{{- else -}}
name: {{ .values.volume }}
mountPath: {{ .values.mount }}
{{- end }}
readOnly: true
{{- end -}}

{{- /* Items of the pod's volumes, beside the one that holds the configuration. */ -}}
{{- define "surehup.volumes" -}}
{{- $values := .values -}}
{{- if $values.enabled -}}
- name: surehup-state
  emptyDir:
    medium: Memory
    sizeLimit: {{ $values.stateSizeLimit }}
{{- if $values.publish }}
- name: surehup-published
  emptyDir:
    sizeLimit: {{ $values.publishSizeLimit }}
{{- end }}
{{- if $values.settings }}
- name: surehup-settings
  downwardAPI:
    items:
      - path: settings.yaml
        fieldRef:
          fieldPath: metadata.annotations['surehup.dev/settings']
{{- end }}
{{- if $values.token }}
- name: surehup-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
{{- end -}}
{{- end -}}

{{- /* Annotations that the pod needs: the settings file, where there is one. May be empty. */ -}}
{{- define "surehup.podAnnotations" -}}
{{- if and .values.enabled .values.settings -}}
surehup.dev/settings: {{ toYaml .values.settings | quote }}
{{- end -}}
{{- end -}}

{{- /*
Settings by annotations of the pod: surehup.dev/FLAG is what surehup run takes as --FLAG. How the
injector and the kustomize component tell them. An annotation that is not there is an empty variable,
and that is one that is not set.
*/ -}}
{{- define "surehup.annotatedFlags" -}}
["configmap", "secret", "preset", "process", "signal", "trigger", "reload-url", "metrics-url", "deadline", "bearer-token-file", "ca-file", "validate", "file", "rollback", "rollout", "group", "debounce", "log-format", "log-level"]
{{- end -}}

{{- define "surehup.annotatedEnv" -}}
{{- range include "surehup.annotatedFlags" . | fromJsonArray }}
- name: SUREHUP_{{ . | upper | replace "-" "_" }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.annotations['surehup.dev/{{ . }}']
{{- end }}
{{- end -}}
