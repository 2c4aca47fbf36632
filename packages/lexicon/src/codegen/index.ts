export { generateModule, type GeneratedModule, type ModuleOptions } from './module.ts'
export { generatePackage, type PackageOptions } from './package.ts'
export { namespaceName } from './names.ts'
export { comment, literal } from './print.ts'
