{{- /* The release, with the chart's name behind it unless it is in there already. */ -}}
{{- define "fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* As in the published chart, a name that is given counts for bindings even if the account is not created. */ -}}
{{- define "account" -}}
{{- default (ternary (include "fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "labels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
{{- end -}}

{{- define "account.subject" -}}
kind: ServiceAccount
name: {{ include "account" . | quote }}
namespace: {{ .Release.Namespace | quote }}
{{- end -}}
