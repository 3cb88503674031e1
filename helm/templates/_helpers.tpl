{{- define "sweepctl.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "sweepctl.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "sweepctl.secret" -}}
{{ .Values.existingSecret | default (include "sweepctl.name" .) }}
{{- end }}

{{- define "sweepctl.mlflowUrl" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "sweepctl.name" . }}-mlflow:{{ .Values.mlflow.port }}
{{- else -}}
{{ required "set mlflow.externalUrl, or mlflow.enabled to true" .Values.mlflow.externalUrl }}
{{- end -}}
{{- end }}

{{/* Labels that never change: a Deployment's selector is immutable. Called with (list $ "component"). */}}
{{- define "sweepctl.selector" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: {{ $top.Chart.Name }}
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "sweepctl.labels" -}}
{{- $top := index . 0 -}}
{{ include "sweepctl.selector" . }}
app.kubernetes.io/version: {{ $top.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sweepctl
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version }}
{{- end }}

{{/* What every pod of ours has: not root, no token of the cluster. */}}
{{- define "sweepctl.pod" -}}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container of ours has: the image, a read-only root. */}}
{{- define "sweepctl.container" -}}
image: {{ include "sweepctl.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "sweepctl.databaseEnv" -}}
- name: SWEEP_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ include "sweepctl.secret" . }}, key: database-url}
{{- end }}

{{/* A claim, unless an existing one is named. Called with (dict "top" $ "component" "agent" "storage" ...). */}}
{{- define "sweepctl.claim" -}}
{{- if not .storage.existingClaim }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "sweepctl.name" .top }}-{{ .component }}
  labels: {{ include "sweepctl.labels" (list .top .component) | nindent 4 }}
  annotations:
    # `helm uninstall` leaves checkpoints and artifacts where they are.
    helm.sh/resource-policy: keep
spec:
  accessModes: [ReadWriteOnce]
  {{- with .storage.className }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ .storage.size }}
{{- end }}
{{- end }}
