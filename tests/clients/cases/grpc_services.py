# SPDX-License-Identifier: MIT
"""grpcio with the standard services: health and reflection, and a call put together from reflection alone."""

import grpc
import numpy as np
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from harness import CLIENT as ACCEPTED
from harness import PROTOCOL, RECORDED, REFUSAL, Cases, close, equal, refused
from server import Server

CLIENT = "grpcio"
PACKAGES = ["grpcio", "grpcio-health-checking", "grpcio-reflection", "protobuf"]
SERVICE = "inference.GRPCInferenceService"
TIMEOUT = 20


def cases(server: Server) -> Cases:
    channel = grpc.insecure_channel(server.address)
    found = Cases()
    add_health(found, channel)
    add_reflection(found, channel, server)
    add_transport(found, channel)
    return found


def add_health(cases_: Cases, channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING

    @cases_.case("Health.Check of the server, of the service", ACCEPTED)
    def _():
        for service in ("", SERVICE):
            equal(health.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT).status, serving)

    @cases_.case("Health.Check of an unknown service", REFUSAL)
    def _():
        with refused(grpc.RpcError, "", lambda e: equal(e.code(), grpc.StatusCode.NOT_FOUND)):
            health.Check(health_pb2.HealthCheckRequest(service="nowhere"), timeout=TIMEOUT)

    @cases_.case("Health.Watch: the first answer, then cancelled", ACCEPTED, replays=False)
    def _():
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
        equal(next(watch).status, serving)
        watch.cancel()


def add_reflection(cases_: Cases, channel: grpc.Channel, server: Server) -> None:
    @cases_.case("reflection: the list of services", PROTOCOL)
    def _():
        found = set(ProtoReflectionDescriptorDatabase(channel).get_services())
        equal({SERVICE, "grpc.health.v1.Health", "tensorflow.serving.PredictionService"} - found, set())

    @cases_.case("reflection: every method of every service resolves", PROTOCOL)
    def _():
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        for service in database.get_services():
            for method in pool.FindServiceByName(service).methods:
                equal(method.input_type.full_name != method.full_name, True)

    @cases_.case("ModelInfer with messages made from reflection", RECORDED)
    def _():
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        method = pool.FindServiceByName(SERVICE).FindMethodByName("ModelInfer")
        model = server.model("ridge")
        request = GetMessageClass(method.input_type)(model_name="ridge")
        request.inputs.add(name="x", datatype="FP64", shape=model.rows().shape)
        request.raw_input_contents.append(model.rows().tobytes())
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer", type(request).SerializeToString,
                                   GetMessageClass(method.output_type).FromString)
        answer = call(request, timeout=TIMEOUT)
        close(np.frombuffer(answer.raw_output_contents[0]), model.answer("predict"))


def add_transport(cases_: Cases, channel: grpc.Channel) -> None:
    def raw(path: str, body: bytes, **kwargs):
        return channel.unary_unary(path, lambda b: b, lambda b: b)(body, timeout=TIMEOUT, **kwargs)

    @cases_.case("ServerLive as golden bytes", PROTOCOL)
    def _():
        equal(raw(f"/{SERVICE}/ServerLive", b""), b"\x08\x01")

    @cases_.case("an unknown method, an unknown service", REFUSAL)
    def _():
        for path in (f"/{SERVICE}/Prophesy", "/nowhere.Service/Method"):
            with refused(grpc.RpcError, "", lambda e: equal(e.code(), grpc.StatusCode.UNIMPLEMENTED)):
                raw(path, b"")

    @cases_.case("bytes that are no message", REFUSAL)
    def _():
        with refused(grpc.RpcError, "", lambda e: equal(e.code() in (grpc.StatusCode.INVALID_ARGUMENT,
                                                                    grpc.StatusCode.INTERNAL), True)):
            raw(f"/{SERVICE}/ModelInfer", b"\xff\xff\xff\xff")

    @cases_.case("200 calls on one channel, with metadata and gzip", ACCEPTED, replays=False)
    def _():
        pending = [channel.unary_unary(f"/{SERVICE}/ServerReady", lambda b: b, lambda b: b).future(
            b"", timeout=TIMEOUT, metadata=(("x-request-id", str(i)),), compression=grpc.Compression.Gzip)
            for i in range(200)]
        equal({call.result() for call in pending}, {b"\x08\x01"})
