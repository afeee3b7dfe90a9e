"""An operator in the same namespace that has nothing to do with the hub, and fails now and then."""

from pipeline.simulate.cluster.model import MIB, Runtime
from pipeline.simulate.jupyterhub.scene import Scene, klog_line, print_to
from pipeline.simulate.kernel import Steps

NAME = "ray-operator"


class Neighbour:
    """Loses its leader's lease every 75 to 118 minutes, and ends with an error."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._chance = scene.kernel.chance("neighbour")

    def program(self, runtime: Runtime) -> Steps:
        """Run until it fails."""
        kernel, chance = self._scene.kernel, self._chance
        runtime.memory_bytes, runtime.cpu_cores = 42 * MIB, 0.004
        ends = kernel.now + chance.uniform(75, 118) * 60
        if kernel.now == 0:
            ends = chance.uniform(0, 118) * 60
        while kernel.now < ends:
            yield kernel.wait(min(chance.uniform(30, 60), ends - kernel.now))
            took = f"Throttling request took {chance.uniform(1, 7):.9f}s"
            asked = "request: GET:https://172.30.0.1:443/apis/apps/v1?timeout=32s"
            print_to(runtime, klog_line(kernel, "I", "request.go:655", f"{took}, {asked}"))
        lost = "leaderelection lost"
        print_to(runtime, klog_line(kernel, "F", "leaderelection.go:276", lost))
        return 1
