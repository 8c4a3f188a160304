/**
 * Every bound of the engine, each with its unit, its reason and the platform fact behind it. None
 * of the platform's limits is enforced by a local runtime, so the engine counts for itself and
 * tests assert it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  // ---- Requests ---------------------------------------------------------------------------------
  /** Decompressed request body. A buffered JSON body costs 3-4x its size; an isolate has 128 MB. */
  bodyBytesMax: 16 * MiB,
  /**
   * Query body: a 10,752-d vector as decimal text is 120 KB; an In list of 10,000 strings fits too.
   */
  queryBodyBytesMax: 1 * MiB,
  /** Nesting of a JSON body: 32 nested filters take 65 levels, a multi-query two more. */
  jsonDepthMax: 72,
  /**
   * Estimated heap of a parsed body: four times its bytes are ordinary, `[[],[],…]` takes sixteen.
   */
  jsonHeapBytesMax: 64 * MiB,
  /** Bodies an isolate holds at once, each until its request is answered; parsed they are 3-4x as
   * large. */
  bodiesBytesMax: 24 * MiB,
  batchRowsMax: 50_000,
  /** Encoded batch; below the platform's 32 MiB per RPC message with room for headers. */
  batchBytesMax: 24 * MiB,
  /** Every query holds the ids of the tail, and a flush those of an entry. So many of 40 characters
   * were found, deleted and flushed in 96 MB of heap. */
  deleteByFilterRowsMax: 250_000,
  /** As many as a write may upsert, which they become. */
  patchByFilterRowsMax: 50_000,
  documentBytesMax: 8 * MiB,
  idBytesMax: 64,
  attributeNameBytesMax: 128,
  attributesMax: 1_024,
  /** Attributes x rows of a batch: in columns an absent value takes room too, 8 bytes of memory. */
  batchCellsMax: 4 * 1_024 * 1_024,
  /** A filterable value is a key of an index: long keys belong in unfilterable attributes. */
  filterableBytesMax: 4_096,
  dimensionsMax: 10_752,
  vectorColumnsMax: 8,
  /** Of each vector of an array of vectors. */
  vectorArrayDimensionsMax: 3_072,
  sparseEntriesMax: 1_024,
  filterDepthMax: 32,
  filterNodesMax: 512,
  /** Of a rank expression, filters within it not counted. */
  expressionDepthMax: 16,
  expressionNodesMax: 256,
  /** Functions of one aggregate, and what it groups by. */
  aggregatesMax: 64,
  groupKeysMax: 8,
  /** Groups that a query holds before it answers with the first of them, some 300 bytes each. */
  groupsHeldMax: 100_000,
  /** Distinct values counted one by one; more are estimated. */
  distinctExactMax: 10_000,
  histogramBucketsMax: 10_000,
  /** Distinct values that all percentiles of a query hold, some 50 bytes each. */
  percentileValuesMax: 500_000,
  percentilesMax: 32,
  computedMax: 256,
  /** Fragments of one text that a query shows. */
  fragmentsMax: 1_024,
  /** Vectors of one query of a vector array, and documents that it may look at. */
  queryTokensMax: 1_024,
  lateInteractionRowsMax: 10_000,
  /** How often a query that shows few rows of a kind looks for more of other kinds. */
  diversePassesMax: 32,
  /** Queries in one request. */
  subqueriesMax: 16,
  /** Attributes of one order. */
  orderKeysMax: 8,
  inListMax: 10_000,
  /** Characters of a text to search for. */
  textQueryMax: 8_192,
  /** Of a glob, a regular expression, or what is searched fuzzily. */
  patternCharsMax: 1_024,
  /** A glob with braces is so many globs at most. */
  globAlternativesMax: 64,
  /** Instructions of a compiled regular expression. */
  regexProgramMax: 1_000,
  /** Each may take 8 MB of memory for its automaton. */
  filterRegexesMax: 4,
  /** Places of patterns x characters of texts: a nanosecond each, at the worst fifteen. */
  filterStepsMax: 1_000_000_000,
  topKMax: 10_000,
  namespaceNameMax: 128,
  listPageDefault: 100,
  listPageMax: 1_000,
  /** Replicas of a pinned namespace, as clients may ask for them. */
  replicasMax: 256,
  shardsMax: 256,

  // ---- API keys ---------------------------------------------------------------------------------
  /** A record is asked for again after this; until twice as old it still serves meanwhile. */
  apiKeyAgeMs: 30_000,
  /** Records an isolate remembers, those of ids without one included. */
  apiKeysHeldMax: 1_000,
  apiKeyNoteMax: 256,
  apiKeysPageMax: 100,
  /** A window of quotas. */
  quotaWindowMs: 60_000,

  // ---- Write path -------------------------------------------------------------------------------
  /**
   * Larger batches travel as attachments that the Worker stores itself, so the object stays light.
   */
  inlineBatchBytesMax: 1 * MiB,
  /** One attachment; equal to the largest object that is read whole without a second thought. */
  partBytesMax: 8 * MiB,
  /** A group is sealed at this size even within the commit interval. */
  groupBytesMax: 8 * MiB,
  /** Ordinary time between the sealing of two groups. R2 takes about one write a second per key,
   * but every group is a new key; 100 ms bounds cost ($4.50 per million) and latency together. */
  commitIntervalMs: 100,
  /** After a minute of unbroken writing the interval widens, for a tenth of the cost. */
  commitIntervalBusyMs: 1_000,
  commitBusyAfterMs: 60_000,
  /** A writer whose outcome is unknown at this time is told so (503); resolution goes on. */
  commitDeadlineMs: 30_000,
  /** How long a key that a client chose is remembered at least: its own retries take minutes. */
  keyKeepMs: 24 * 3_600_000,
  /** Same for a key the Worker minted: five attempts of at most 30 s, with little in between. */
  mintedKeyKeepMs: 2 * 60_000,
  /** Characters of a client's key: a UUID has 36, a SHA-256 in hex 64. */
  keyCharsMax: 64,
  /** Keys that are remembered, the newest: 256 KiB on storage, 2 MiB in memory. */
  keysMax: 4_096,
  /** The newest are kept whatever the clock says: it may jump between a write and its repeat. */
  keysKeptMin: 256,
  /** An object with fewer keys is folded into the next: few of them, each rewritten seldom. */
  keysObjectMin: 1_024,
  /** Ids of which the object remembers the last entry: two large batches, 1.5 MiB. */
  rememberedIdsMax: 98_304,
  /** After everything is indexed they are remembered this long: longer than a rewrite may take. */
  rememberIdsMs: 60_000,
  /** How long other writers wait for one that was refused twice. */
  holdMs: 2_000,
  /** Of so many at once, and of so many ids: a rewrite that read more has all of them held. */
  holdsMax: 16,
  heldIdsMax: 10_000,
  /** Unindexed bytes: writers are slowed above soft, refused (429) above hard. */
  unindexedSoftBytes: 64 * MiB,
  unindexedHardBytes: 256 * MiB,
  /** Entries of the tail: each is one read of a recovery and some memory of the object. */
  tailEntriesMax: 4_096,
  /** WAL bytes that recovery and collection read at once. */
  waveBytesMax: 16 * MiB,
  /** Until when the bytes of a writer count that vanished with its object. */
  pendingLeaseMs: 10 * 60_000,
  /** Between two writes of `current`: the store takes one a second per key. */
  pointerIntervalMs: 1_100,
  /** While it cannot be moved the owner waits twice as long each time, up to so many ms. */
  pointerRetryMsMax: 60_000,
  /** Segments of one shard: writers are refused before merging could not keep up. */
  segmentsMax: 64,

  // ---- Entries that cannot be read --------------------------------------------------------------
  /** How often such an object is read before it counts as bad: a bad read is not a bad object. */
  doubtReadsMax: 4,
  /** After how long an owner in quarantine looks again: as long as that has lasted, within both. */
  quarantineLookMsMin: 60_000,
  quarantineLookMsMax: 3_600_000,
  /** Each entry repeats what so many before it added to the schema; usually that is nothing. */
  schemaRepeatedEntries: 4,
  /** More changes than one entry makes: what a skip adds to the version of the schema. */
  skippedSchemaVersions: 65_536,
  skipReasonBytesMax: 1_024,

  // ---- Head -------------------------------------------------------------------------------------
  headWalBytesMax: 4 * MiB,
  headRouteBytesMax: 1 * MiB,
  headDeadBytesMax: 64 * KiB,
  /** Largest segment root that travels with `head`; larger ones are read from the store. */
  routeBytesMax: 256 * KiB,
  manifestBytesMax: 256 * KiB,
  /** Queries that arrive while a `head` call is under way gather this long for the next. */
  headGatherMs: 10,
  /** How long a request waits for another's call: the other may have vanished. */
  sharedCallMs: 250,
  /** Age of a snapshot that an eventual query may still use. */
  eventualAgeMsMax: 10_000,

  // ---- Jobs -------------------------------------------------------------------------------------
  flushBytes: 4 * MiB,
  flushRows: 5_000,
  flushObjects: 64,
  /** Age alone flushes a tail of this size after a minute, a smaller one after an hour. */
  flushAgedBytes: 1 * MiB,
  flushAgeMs: 60_000,
  flushAgeSmallMs: 3_600_000,
  /** Most WAL bytes one flush takes, unless one entry is larger: a flush holds its rows twice, and
   * their codes. */
  flushBytesMax: 12 * MiB,
  flushRowsMax: 50_000,
  /** Flushes of consecutive ranges that may build at the same time. */
  flushesParallelMax: 8,
  /** Merges of different shards at the same time: each holds up to `compactionBytesMax`. */
  mergesParallelMax: 4,
  leaseMs: 5 * 60_000,
  /** An attempt that still renews its lease after so long has lost it: far below `orphanAgeMs`. */
  attemptMs: 6 * 3_600_000,
  /** How long the short, exclusive part of a job may take. */
  ticketMs: 10_000,
  /** The alarm re-sends hints of work that nobody has claimed. */
  alarmMs: 5_000,
  /** Rows from which a segment is clustered; below, its scan plane is read whole. */
  clusteredRowsMin: 1_024,
  clusterRowsTarget: 384,
  /** Merges of so many bytes are made in steps that are stored, so that a crash costs one step. */
  stepBytesMin: 64 * MiB,
  /**
   * Codes of rows of segments without planes of a vector column beside the first, which a merge
   * keeps in memory while it makes some: of f32 vectors of 96 MiB. (A merge lives in 64 MiB, of
   * which 16 are a sample, or gathered vectors, and up to 24 an object.)
   */
  furtherCodesBytesMax: 24 * MiB,
  /** After a step an attempt ends if it has worked for so long: an invocation has 5 min of CPU. */
  stepMs: 60_000,
  /** Segments of at least this size are never merged again (the top tier). */
  mergeBytesMax: 2_048 * MiB,
  /** Rows of one merge: what it keeps in memory for each is 20 bytes, whatever their size. */
  mergeRowsMax: 1_000_000,
  /** Live memory of one compaction step. */
  compactionBytesMax: 64 * MiB,
  /** Segments of one shard beyond which the smallest go together, whatever their tiers. */
  segmentsTarget: 36,
  /** Segments of a tier that become one of the next: each tier is so many times the one below. */
  mergeFanIn: 32,
  /** … of tiers above the lowest, where to write everything again costs most. */
  mergeFanInLarge: 12,
  /** A namespace is at rest when nothing was written for so long. */
  restMs: 10_000,
  /** Segments that are left alone at rest, and what a merge that is due only then may write. */
  segmentsAtRest: 3,
  restMergeBytesMax: 256 * MiB,
  /** Share of dead rows at which a segment is rewritten. */
  deadShareMax: 0.2,
  appliedDeltasMax: 64,

  // ---- History ----------------------------------------------------------------------------------
  snapshotsPage: 100,
  snapshotNameMax: 64,
  /** Changed documents of a page of the change feed; it ends with the entry that holds the last. */
  changesPageMax: 10_000,
  retentionMsMax: 90 * 24 * 3_600_000,
  /** Records of dead objects in a manifest, some 60 bytes each. Beyond, the oldest go before their
   * retention is over: a manifest must stay small, and history must not stop writes. */
  deadRecordsMax: 2_048,
  /** How often the caches of a pinned namespace are warmed: the edge keeps what is asked for. */
  warmEveryMs: 5 * 60_000,

  // ---- Collection -------------------------------------------------------------------------------
  /** Longer than any request or lease: nobody can still read what was dead for so long. */
  collectGraceMs: 3_600_000,
  /** What is due waits for more this long: one collection costs the same for much as for little. */
  collectEveryMs: 10 * 60_000,
  orphanAgeMs: 24 * 3_600_000,
  /** How long a deleted generation is watched: longer than any Worker that wrote to it lives. */
  graveAgeMs: 24 * 3_600_000,
  /** A pin that is not renewed for so long is gone; longer than a consumer or request runs. */
  pinMs: 15 * 60_000,
  /** Pins of one namespace at once. */
  pinsMax: 64,
  /** From a branch's first ref to its registration; far below the age at which refs are orphans. */
  adoptMs: 5 * 60_000,
  /** A pin of the newest state is fresh so long: what it names lives, or died no longer ago. */
  freshPinMs: 60_000,
  /** From the beginning of a branch: refs that are stored later do not count. More than `adoptMs`,
   * and with `freshPinMs` less than the grace, by all that clocks may differ. */
  refsByMs: 30 * 60_000,
  /** What refs hold, and the refs themselves, are looked at again this often. */
  refsEveryMs: 24 * 3_600_000,

  // ---- Asynchronous operations ------------------------------------------------------------------
  /** Bytes of codes that a request scans while its client waits: some seconds of a cold isolate.
   * More becomes an operation if the client can wait for one. */
  requestScanBytesMax: 256 * MiB,
  /** Request, claims and result are kept so long. */
  operationKeepMs: 24 * 3_600_000,
  /** A consumer says every third of it that it is alive. */
  operationLeaseMs: 60_000,
  operationAttemptsMax: 5,
  /** An operation that nobody works on after so long is hinted at again by whoever polls. */
  operationHintMs: 5_000,
  /** Of the answer as JSON: it lies in memory as a whole, and a poll sends it. */
  operationResultBytesMax: 16 * MiB,

  // ---- Recall -----------------------------------------------------------------------------------
  /** Share of approximate queries that are compared with an exhaustive one, by the queue. */
  recallSampleShare: 0.01,
  /** Codes that comparisons read of one namespace, for each isolate that samples: a minute of it
   * is a namespace of a million rows of 192 dimensions. */
  recallBytesPerSecond: 4 * MiB,
  /** A namespace below it scans more rows. */
  recallMin: 0.95,
  /** Most that it scans more. */
  probeFactorMax: 8,

  // ---- Segments ---------------------------------------------------------------------------------
  /** A segment below this is one object, above it is split into parts. */
  segmentPartBytes: 16 * MiB,
  documentBlockBytes: 16 * KiB,
  /** Postings that a build collects before it writes them: some 40 MB of text. */
  textRunBytes: 20 * MiB,
  /** Of the elements of arrays that a build indexes, decoded; and rows listed for them. */
  elementBytesMax: 8 * MiB,
  elementRowsMax: 4 * 1024 * 1024,
  idBlockRows: 512,
  /** A query refines some sixty rows that lie apart, and wants a dozen vectors: it reads what else
   * is in their blocks. Smaller ones would cost exhaustive queries, which read all. */
  refinePageBytes: 8 * KiB,
  refinePageRowsMax: 32,
  vectorBlockBytes: 4 * KiB,

  // ---- Reads ------------------------------------------------------------------------------------
  /** Connections of one invocation that may wait for response headers (platform limit). */
  connectionsMax: 6,
  readAttemptsMax: 4,
  /** Isolate-wide LRU of immutable blocks; 128 MB hold code, heap, WASM and responses besides. */
  cacheBytesMax: 48 * MiB,
  /** Beside the cache, decoded: opened roots, bitmaps, WAL entries of small tails, manifests. */
  decodedRootsBytesMax: 8 * MiB,
  decodedBitmapsBytesMax: 2 * MiB,
  decodedTailBytesMax: 12 * MiB,
  decodedDictionariesBytesMax: 4 * MiB,
  decodedColumnsBytesMax: 2 * MiB,
  /** 16 bytes a coordinate: 80 namespaces of 784 dimensions. */
  rotationsBytesMax: 1 * MiB,
  snapshotsBytesMax: 4 * MiB,
  /** Vector columns of which an isolate knows that it has searched them, some 100 bytes each. */
  searchedNamesMax: 4_096,
  /** A larger tail is streamed through each query instead of being kept decoded. */
  tailHeldBytesMax: 6 * MiB,
  /** WAL bytes (entries and attachments) that a query holds at once while it streams a tail. */
  tailWindowBytes: 8 * MiB,
  /** Bytes all requests of an isolate may have reserved at once for what they fetch and hold. */
  reservedBytesMax: 32 * MiB,
  /** Of these, what rows in memory may use while nobody does: a warm isolate reads nothing. */
  lentBytesMax: 24 * MiB,
  /** Postings that a query may read; decoded they take four times as much. */
  postingBytesMax: 16 * MiB,
  /** Documents that a query may read to rank them by an attribute without an index: seconds. */
  scoredBytesMax: 256 * MiB,
  reservationLeaseMs: 60_000,
  /** How long a query waits for blocks that another one reads: some reads of the slowest. */
  sharedReadMs: 1_000,
  /** Of the Durable Objects of one isolate together. */
  objectBytesMax: 48 * MiB,
  /** What a walk through all documents reads at a time: few requests, little memory. */
  walkBytes: 4 * MiB,
  /** Clusters that a picture of the index shows. */
  mapClustersMax: 2_000,
  /** Documents that a tool of an agent is answered with, and bytes: some 12,000 tokens. */
  toolRowsMax: 200,
  toolAnswerBytesMax: 48 * KiB,
  /** Rows and bytes of one page of an export. */
  exportPageRowsMax: 10_000,
  exportPageBytes: 8 * MiB,
  /** Gap between two wanted ranges that is cheaper to read than to skip. */
  coalesceGapBytes: 128 * KiB,
  /** Takes 20 ms at 50 MB/s: rounds of ranking rather make a few more reads. */
  wideGapBytes: 1 * MiB,
  wideReadsMax: 5,
  /** The same where rows that match a filter are ranked: they lie apart, so there are many gaps. */
  filteredGapBytes: 256 * KiB,
  filterReadsMax: 12,
  scanReadsMax: 6,
  /** Of int8 codes that a cold query reads in place of 1-bit codes and then int8 codes of a few. */
  onePlaneReadsMax: 6,
  onePlaneBytesMax: 6 * MiB,
  onePlaneGapBytes: 128 * KiB,
  refineReadsMax: 6,
  /** As many as connections, like the two above: a seventh read waits for one of six to end. */
  exactReadsMax: 6,
  /** Of the columns of a filter and all rounds of ranking together. */
  filteredReadsMax: 36,
  documentReadsMax: 10,
  /** Of a hundred rows, which lie apart: 24 ranges of 100,000 documents are 13 MB, 10 are 22. */
  manyDocumentReadsMax: 24,
  /** Terms, then postings, lie apart too; 14 words in 100,000 documents: at most 1.9 MB in both. */
  postingReadsMax: 48,
  postingGapBytes: 24 * KiB,

  // ---- Readers of shards ------------------------------------------------------------------------
  /** Objects that read the shards of one namespace; shards beyond go round. */
  readersMax: 8,
  /** Segments of fewer bytes fit into the cache of one isolate, which saves a call. */
  readersBytesMin: 48 * MiB,
  /** Rows of the tail that a query sends to readers as ids, all together. */
  readersTailRowsMax: 50_000,
  /** What all readers answer to one query, by the average document; far below an RPC message. */
  readersAnswerBytesMax: 8 * MiB,
  /** How long a query waits for a reader before it reads itself. */
  readerPatienceMs: 10_000,
} as const;
