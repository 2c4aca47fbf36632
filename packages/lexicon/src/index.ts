export { createCatalog, type Catalog, type CatalogOptions, type RecordOptions } from './catalog.ts'
export {
  definePermissionSet,
  defineProcedure,
  defineQuery,
  defineRecord,
  defineSchema,
  defineSubscription,
  linkDef,
} from './define.ts'
export type { LinkedDef } from './definition.ts'
export { LexiconError, type LexiconErrorCode } from './error.ts'
export { checkDocuments, dependencies, references, type LinkProblem } from './links.ts'
export { parseLexicon, type LexiconRefusal } from './parse/parse.ts'
export type { LexiconIssue } from './parse/report.ts'
export type {
  LexiconArray,
  LexiconBlob,
  LexiconBody,
  LexiconBoolean,
  LexiconBytes,
  LexiconCidLink,
  LexiconDef,
  LexiconDocument,
  LexiconErrorName,
  LexiconField,
  LexiconInteger,
  LexiconObject,
  LexiconParam,
  LexiconParamArray,
  LexiconParams,
  LexiconPermission,
  LexiconPermissionSet,
  LexiconPrimary,
  LexiconProcedure,
  LexiconQuery,
  LexiconRecord,
  LexiconRef,
  LexiconString,
  LexiconSubscription,
  LexiconToken,
  LexiconUnion,
  LexiconUnknown,
  StringFormat,
} from './document.ts'
export type {
  Body,
  DefSchema,
  Infer,
  InferDecodedParams,
  InferErrorName,
  InferInput,
  InferMessage,
  InferOutput,
  InferParams,
  InferRecord,
  Method,
  ParamsSchema,
  PermissionSet,
  Procedure,
  Query,
  RecordSchema,
  Subscription,
} from './schema.ts'
export type {
  Issue,
  IssueCode,
  StandardProps,
  StandardResult,
  ValidateOptions,
  Validation,
  Validator,
  ValueForms,
} from './validation.ts'
export { validateJson, type JsonForm } from './validate-json.ts'
export { openVariant, type Typed, type UnknownVariant } from './typed.ts'
export type { BlobRef, CID, DataObject } from '@avocet/data'
export type {
  AtIdentifier,
  AtUri,
  CidString,
  Datetime,
  Did,
  Handle,
  Language,
  Nsid,
  RecordKey,
  Tid,
  Uri,
} from '@avocet/syntax'
export { resolveClosure, type ClosureOptions, type LexiconClosure } from './resolve/closure.ts'
export { resolvePermissionSet } from './resolve/permission-set.ts'
export { lexiconDnsName, resolveLexicon, SCHEMA_COLLECTION } from './resolve/resolve.ts'
export { createLexiconResolver } from './resolve/resolver.ts'
export type {
  LexiconFetchers,
  LexiconResolver,
  LexiconResolverOptions,
  Outcome,
  ResolvedLexicon,
  ResolveErrorCode,
  ResolveFailure,
  ResolveResult,
} from './resolve/types.ts'
