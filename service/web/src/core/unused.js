// Stands in the bundle for the parts of supabase-js that these pages never ask: files (storage-js) and edge functions.
// They are a tenth of what a first page would load.
export class StorageClient {}
export class FunctionsClient {
  setAuth() {}
}
export class StorageApiError extends Error {}
export const [FunctionsError, FunctionsFetchError, FunctionsHttpError, FunctionsRelayError] = [Error, Error, Error, Error];
export const FunctionRegion = {};
