// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::jobs {

enum class Engine {
    podman,
    docker,
    apptainer,
    process, ///< a trusted program of this machine, in a sandbox of bubblewrap
};
[[nodiscard]] std::string_view engine_name(Engine engine);
/// Throws Error{Fault::config}.
[[nodiscard]] Engine engine_of(std::string_view name);

/// What the site allows one image: an entry of `images` in workflows.json.
struct ImageSettings {
    std::string name; ///< `name:tag`, as job lines have it
    Engine engine = Engine::podman;
    std::string reference; ///< what the engine is told: `digest` or `file`, else the name
    std::uint64_t memory_bytes = std::uint64_t{4} << 30U;
    unsigned cpus = 1;
    std::chrono::seconds time{3600}; ///< of one run, by the clock on the wall
    unsigned processes = 512;        ///< at once, threads counted
    std::uint64_t output_bytes = std::uint64_t{20} << 30U;
    bool has_gpu = false;
    std::string network = "none"; ///< as the engine calls it; of a process: none or host
    /// The call, with place-holders `{}`, `{input}`, `{descr}`, `{output}`, `{output_json}`; of a
    /// container may be empty: what the image says itself.
    std::vector<std::string> call;
    /// More of this machine that a process may read.
    std::vector<std::filesystem::path> read_only;
};

struct SlurmSettings {
    std::string partition; ///< "": the default one
    std::string account;
    std::vector<std::string> options; ///< more of sbatch, each one argument
};

/// A peer that results may go to: an entry of JOBS.destinations, or the research PACS.
struct Destination {
    std::string aet;
    std::string host;
    std::uint16_t port = 0;
    std::string calling_aet;
    std::chrono::seconds timeout{60};
    std::optional<TlsClientConfig> tls;
};

/// JOBS of config.json.
struct JobSettings {
    bool uses_slurm = false;
    SlurmSettings slurm;
    Engine engine = Engine::podman;   ///< of images that name none
    unsigned max_parallel = 2;        ///< at a time, on this machine or of an array of Slurm
    unsigned attempts = 3;            ///< of a job whose program was killed with the machine
    std::chrono::hours keep{24 * 30}; ///< how long the folders of a job stand when it has ended
    std::filesystem::path folder;     ///< `<folder>/<project>/ror` for jobs that name none
    /// Below one of these, and of `folder`, every ror_folder has to be.
    std::vector<std::filesystem::path> roots;
    std::vector<Destination> destinations; ///< the research PACS first, if there is one
    std::filesystem::path images_file;
    std::map<std::string, ImageSettings, std::less<>> images;
};

/// `engine`, if not empty, stands for JOBS.engine; `slurm` and the names of engines are known. Throws
/// Error{Fault::config} naming the key; a missing workflows.json has no images.
[[nodiscard]] JobSettings read_job_settings(const Config& config, std::string_view engine = {});

/// The entry of workflows.json. Throws Error{Fault::data} if the image is not listed.
[[nodiscard]] const ImageSettings& image_settings(const JobSettings& settings,
                                                  const std::string& image);

/// Where the images of a line go: the first of its destinations, `{"AETitle", "IP", "PORT"}`, as the site
/// has it. A line without any: nothing, the research PACS. Throws Error{Fault::data} for one that the site
/// does not list, and for a filter: what it keeps back would have to be known.
[[nodiscard]] std::optional<Destination> destination_of(const JobSettings& settings,
                                                        const json::Array& destination);

/// `8g`, `512m`, `100k` or bytes, powers of 1024. Throws Error{Fault::config} naming `what`.
[[nodiscard]] std::uint64_t byte_count(std::string_view text, std::string_view what);

} // namespace fiona::jobs
