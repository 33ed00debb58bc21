{{- /*
The guard: what RBAC cannot say of the sidecar's writes. RBAC's verb patch covers data as well as
annotations, and pods/status of every pod in the namespace. The guard leaves the given accounts our
annotations, and the status of the pod that their token was made for.

Takes (dict "policyName" NAME "accounts" LIST of "NAMESPACE:NAME" "allowData" BOOL "labels" MAP).
*/ -}}
{{- define "surehup.guard" -}}
{{- $ours := "^([a-z0-9-]+\\\\.)?surehup\\\\.dev/(active|handled|holder|message|observed|previous|protocol|proven|revision|salt|status|target|updated)$" -}}
{{- $shown := "['surehup.dev/nudge', 'surehup.dev/proven']" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .policyName }}
  labels:
    {{- toYaml .labels | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [""]
        apiVersions: [v1]
        resources: [configmaps, secrets, pods/status]
        operations: [UPDATE]
      - apiGroups: [apps]
        apiVersions: [v1]
        resources: [controllerrevisions]
        operations: [CREATE, UPDATE, DELETE]
  matchConditions:
    - name: sidecar
      expression: request.userInfo.username in {{ include "surehup.guard.users" . }}
  variables:
    - name: before
      expression: "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})"
    - name: after
      expression: "object == null ? {} : object.metadata.?annotations.orValue({})"
    - name: changed
      expression: >-
        variables.after.map(k, k).filter(k, !(k in variables.before) || variables.before[k] != variables.after[k])
        + variables.before.map(k, k).filter(k, !(k in variables.after))
    - name: pod
      expression: "request.userInfo.?extra[?'authentication.kubernetes.io/pod-name'].orValue([])"
    - name: owned
      expression: "object == null ? oldObject : object"
  validations:
    - expression: >-
        !(request.resource.resource in ['configmaps', 'secrets'])
        || variables.changed.all(k, k.matches("{{ $ours }}"))
      messageExpression: >-
        "surehup's guard: the sidecar writes its own annotations, not " + variables.changed.filter(k, !k.matches("{{ $ours }}")).join(", ")
    {{- if not .allowData }}
    - expression: >-
        !(request.resource.resource in ['configmaps', 'secrets'])
        || (object.?data == oldObject.?data && object.?binaryData == oldObject.?binaryData
        && object.?immutable == oldObject.?immutable)
      message: "surehup's guard: the sidecar does not write data; guard.allowData lets it, for rollback: data"
    {{- end }}
    - expression: >-
        request.resource.resource == 'controllerrevisions'
        || (object.metadata.?labels == oldObject.metadata.?labels
        && object.metadata.?finalizers == oldObject.metadata.?finalizers
        && object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences)
      message: "surehup's guard: the sidecar does not write labels, finalizers or owners"
    - expression: >-
        request.resource.resource != 'pods' || object.metadata.name in variables.pod
      messageExpression: >-
        "surehup's guard: the sidecar writes the status of its own pod (" + variables.pod.join(", ") + "), not of " + object.metadata.name
    - expression: >-
        request.resource.resource != 'pods' || variables.changed.all(k, k in {{ $shown }})
      message: "surehup's guard: on its pod the sidecar writes surehup.dev/nudge and surehup.dev/proven, and no other annotation"
    - expression: >-
        request.resource.resource != 'pods'
        || (object.status.?conditions.orValue([]).filter(c, c.type != 'surehup.dev/ConfigApplied')
        == oldObject.status.?conditions.orValue([]).filter(c, c.type != 'surehup.dev/ConfigApplied')
        {{- range $field := list "phase" "reason" "message" "hostIP" "hostIPs" "podIP" "podIPs" "startTime" "nominatedNodeName" "qosClass" "resize" "observedGeneration" "containerStatuses" "initContainerStatuses" "ephemeralContainerStatuses" "resourceClaimStatuses" "extendedResourceClaimStatus" "allocatedResources" "resources" "nodeAllocatableResourceClaimStatuses" "volumeHealth" }}
        && object.status.?{{ $field }} == oldObject.status.?{{ $field }}
        {{- end }})
      message: "surehup's guard: of its pod's status the sidecar writes the condition surehup.dev/ConfigApplied, and nothing else"
    - expression: >-
        request.resource.resource != 'controllerrevisions'
        || variables.owned.metadata.?ownerReferences.orValue([]).exists(o, o.apiVersion == 'v1' && o.kind in ['ConfigMap', 'Secret'])
      message: "surehup's guard: the sidecar keeps revisions of ConfigMaps and Secrets, and touches no workload's"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .policyName }}
  labels:
    {{- toYaml .labels | nindent 4 }}
spec:
  policyName: {{ .policyName }}
  validationActions: [Deny]
{{- end -}}

{{- define "surehup.guard.users" -}}
{{- $users := list -}}
{{- range .accounts }}{{ $users = append $users (printf "'system:serviceaccount:%s'" .) }}{{ end -}}
[{{ join ", " $users }}]
{{- end -}}

{{- /* The guard for a release of one's own chart. */ -}}
{{- define "surehup.releaseGuard" -}}
{{- if and .values.enabled .values.guard.enabled -}}
{{- if semverCompare "<1.30.0-0" .root.Capabilities.KubeVersion.Version -}}
{{- fail "surehup: guard.enabled needs ValidatingAdmissionPolicy, which is there from Kubernetes 1.30 on" -}}
{{- end -}}
{{- $account := printf "%s:%s" .root.Release.Namespace (include "surehup.serviceAccountName" .) -}}
{{- $name := printf "%s.%s.guard.surehup.dev" (include "surehup.name" .) .root.Release.Namespace -}}
{{- include "surehup.guard" (dict "policyName" $name "accounts" (list $account) "allowData" .values.guard.allowData "labels" (include "surehup.labels" . | fromYaml)) -}}
{{- end -}}
{{- end -}}
