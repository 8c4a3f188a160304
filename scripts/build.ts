/** Everything that is built before the Worker is bundled: the kernels, and the console. */
import "./build-kernels.ts";
import "./build-console.ts";
