export { describeScopes, type DescribeOptions } from './describe.ts'
export { displayText } from './display-text.ts'
export { expandScopes, type Expansion, type FailedSet } from './expand.ts'
export { formatScope, formatScopes, neededScope } from './format.ts'
export { intersectScopes } from './intersect.ts'
export { EXPANDED_LIMITS, REQUEST_LIMITS, type ScopeLimits } from './limits.ts'
export { parseScope, parseScopes, type ParsedScope, type ScopesFailure } from './parse.ts'
export {
  readPermissionSet,
  setDetail,
  setTitle,
  type ExpandedSet,
  type SetFailure,
  type SetPermission,
  type SetTexts,
} from './permission-set.ts'
export type {
  AccountAction,
  AccountAttr,
  AccountPermission,
  AtprotoScope,
  BlobPermission,
  IdentityAttr,
  IdentityPermission,
  IncludeScope,
  Need,
  Permission,
  RepoAction,
  RepoPermission,
  RpcPermission,
  Scope,
  TransitionName,
  TransitionScope,
} from './scope.ts'
export { createScopeSet, isSubset, type ScopeSet, type ScopeSetOptions } from './scope-set.ts'
export type { Description, NameGroup, ServiceName, Subject } from './subject.ts'
