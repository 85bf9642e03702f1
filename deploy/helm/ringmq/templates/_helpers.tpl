{{/* The release's name, short enough for what is added to it. */}}
{{- define "ringmq.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "ringmq.labels" -}}
app.kubernetes.io/name: ringmq
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "ringmq.selector" -}}
app.kubernetes.io/name: ringmq
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ringmq.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "ringmq.secret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-secret" (include "ringmq.name" .)) }}
{{- end -}}

{{- define "ringmq.scheme" -}}
{{ if .Values.tls.existingSecret }}wss{{ else }}ws{{ end }}
{{- end -}}

{{/* Addresses of all name servers, each by its own name. */}}
{{- define "ringmq.nameServerUrls" -}}
{{- $name := include "ringmq.name" . -}}
{{- $urls := list -}}
{{- range $i := until (int .Values.nameServers.replicas) -}}
{{- $urls = append $urls (printf "%s://%s-ns-%d.%s-ns.%s.svc:9800" (include "ringmq.scheme" $) $name $i $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $urls -}}
{{- end -}}

{{/* The sets that the mode has. */}}
{{- define "ringmq.sets" -}}
{{- if eq .Values.mode "single" -}}{{ list (first .Values.sets) | toJson }}{{- else -}}{{ .Values.sets | toJson }}{{- end -}}
{{- end -}}

{{/* What brokers of a set there are: role and how many. Under failover etcd says who is the master. */}}
{{- define "ringmq.members" -}}
{{- if eq .Values.mode "failover" -}}
{{ list (dict "suffix" "" "role" "" "replicas" (add1 (int .Values.slaves))) | toJson }}
{{- else if has .Values.mode (list "async-replication" "sync-double-write") -}}
{{ list (dict "suffix" "" "role" "master" "replicas" 1) (dict "suffix" "-slave" "role" "slave" "replicas" (int .Values.slaves)) | toJson }}
{{- else -}}
{{ list (dict "suffix" "" "role" "master" "replicas" 1) | toJson }}
{{- end -}}
{{- end -}}

{{- define "ringmq.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "ringmq.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Pods of one kind are kept apart: a dict with `root` and `labels`. */}}
{{- define "ringmq.placement" -}}
{{- $root := .root -}}
{{- if ne $root.Values.antiAffinity "none" }}
affinity:
  podAntiAffinity:
    {{- if eq $root.Values.antiAffinity "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- .labels | nindent 12 }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- .labels | nindent 14 }}
    {{- end }}
{{- end }}
{{- if $root.Values.spreadOverZones }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- .labels | nindent 8 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "ringmq.probeScheme" -}}
{{ if .Values.tls.existingSecret }}HTTPS{{ else }}HTTP{{ end }}
{{- end -}}
