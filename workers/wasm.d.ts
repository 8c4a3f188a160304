/** A compiled module: what importing a .wasm file gives inside a Worker. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
