"""FAISS IVFFlat in memory: what it finds, and what each query costs.

    python3 faiss-ivfflat.py <job as JSON>

The job is that of peers/peer.ts; "base" and "vectors" name files of little-endian 32-bit floats, one
row after the other. Prints the lines of JSON that peers/run.ts prints. Clusters as the engines built
on it choose them: four times the root of the rows.
"""

import json
import math
import resource
import sys
import time


def show(**message):
    print(json.dumps(message), flush=True)


def main(job):
    try:
        import faiss
        import numpy
    except ImportError:
        show(kind="unavailable", reason="python3 has no faiss (Debian: apt install python3-faiss)")
        return
    dimensions = job["dimensions"]
    base = numpy.fromfile(job["base"], dtype="<f4").reshape(-1, dimensions)
    vectors = numpy.fromfile(job["vectors"], dtype="<f4").reshape(-1, dimensions)
    cosine = job["metric"] == "cosine_distance"
    if cosine:
        faiss.normalize_L2(base)
        faiss.normalize_L2(vectors)
    metric = faiss.METRIC_INNER_PRODUCT if cosine else faiss.METRIC_L2
    lists = max(1, min(int(4 * math.sqrt(len(base))), len(base) // 8))
    started, cpu = time.perf_counter(), time.process_time()
    quantizer = faiss.IndexFlatIP(dimensions) if cosine else faiss.IndexFlatL2(dimensions)
    index = faiss.IndexIVFFlat(quantizer, dimensions, lists, metric)
    index.train(base)
    index.add(base)
    show(
        kind="built",
        version=faiss.__version__,
        place="memory",
        secondsLoad=0,
        secondsIndexed=time.perf_counter() - started,
        cpuSeconds=time.process_time() - cpu,
    )
    for probes in [1, 4, 16, 64]:
        if probes > lists:
            break
        index.nprobe = probes
        run(index, vectors, job)
        runs = [run(index, vectors, job) for _ in range(3)]
        show(
            kind="measured",
            setting=f"IVFFlat lists={lists} nprobe={probes}",
            phase="warm",
            answers=runs[0]["answers"],
            runs=[{k: r[k] for k in ("latenciesMs", "cpuMsPerRequest")} for r in runs],
            traffic=[],
            memoryPeakMb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        )


def run(index, vectors, job):
    """One query at a time, until all are answered or the time is over."""
    answers, latencies = [], []
    began, cpu = time.perf_counter(), time.process_time()
    for vector in vectors:
        started = time.perf_counter()
        _, rows = index.search(vector.reshape(1, -1), job["topK"])
        latencies.append((time.perf_counter() - started) * 1000)
        # Too few probes find too few rows; -1 stands for none.
        answers.append([row for row in rows[0].tolist() if row >= 0])
        if time.perf_counter() - began > job["runSecondsMax"]:
            break
    spent = (time.process_time() - cpu) * 1000
    return {"answers": answers, "latenciesMs": latencies, "cpuMsPerRequest": spent / len(answers)}


main(json.loads(sys.argv[1]))
