// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/jobs/job_settings.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::jobs {

/// One run of a program over prepared folders.
struct EngineRun {
    std::string id;               ///< of the job; the container is called `fiona-<id>`
    std::filesystem::path folder; ///< becomes /data, read only
    std::filesystem::path output; ///< becomes /output
    std::string options;          ///< ROR_CONT_OPTIONS; "" for none
};

/// The argument vectors of an engine. Every value is one argument, whatever characters it has: there is
/// no shell on the way. The program has no network unless the site says so, no capability, limits of
/// memory, processors and processes, and cannot write but to /output, /tmp and /dev/shm. The memory of
/// a process in a sandbox is limited for each of its processes, not for all together.
struct EngineCall {
    std::vector<std::string> run;
    std::vector<std::string> environment; ///< of the engine, `NAME=VALUE`, beside ours
    /// Ends and removes what a run of the same job has left behind; empty for engines whose programs
    /// end with the one that began them. Harmless if nothing is there.
    std::vector<std::string> clean_up;
};

/// Throws Error{Fault::data} for a path that the engine cannot be told: with `:` or `,` in it.
[[nodiscard]] EngineCall engine_call(const ImageSettings& image, const EngineRun& run);

/// The call with its place-holders replaced by what the program sees.
[[nodiscard]] std::vector<std::string> expanded_call(const ImageSettings& image);

} // namespace fiona::jobs
