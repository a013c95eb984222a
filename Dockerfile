# Rostrum's one production binary in an image with nothing else but certificates and a static wget for the health check.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Static, and with the time zones inside: there is no file system to look them up in.
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags "-s -w" -o /out/rostrum ./cmd/rostrum

FROM busybox:1.37.0-musl AS probe

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=probe /bin/busybox /bin/wget
COPY --from=build /out/rostrum /rostrum
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/rostrum"]
CMD ["serve"]
