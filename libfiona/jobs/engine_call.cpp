// SPDX-License-Identifier: MIT
#include "libfiona/jobs/engine_call.h"

#include "libfiona/base/error.h"

#include <unistd.h>

#include <array>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

namespace {

constexpr unsigned open_files = 1024;
constexpr std::string_view options_variable = "ROR_CONT_OPTIONS";

void add(Words& words, std::initializer_list<std::string> more)
{
    words.insert(words.end(), more);
}

void check_mountable(const fs::path& path)
{
    if (path.native().find_first_of(":,\"\n") != std::string::npos) {
        throw Error{Fault::data,
                    "a folder with : or , or quotes in its name cannot be given to a container"};
    }
}

/// The options that podman and docker share.
Words container_words(const ImageSettings& image, const EngineRun& run)
{
    Words words{std::string{engine_name(image.engine)},
                "run",
                "--rm",
                "--pull=never",
                fmt::format("--name=fiona-{}", run.id),
                fmt::format("--network={}", image.network),
                fmt::format("--memory={}b", image.memory_bytes),
                fmt::format("--memory-swap={}b", image.memory_bytes), // or as much again of swap
                fmt::format("--cpus={}", image.cpus),
                fmt::format("--pids-limit={}", image.processes),
                "--read-only",
                "--tmpfs=/tmp",
                fmt::format("--ulimit=nofile={0}:{0}", open_files),
                "--cap-drop=ALL",
                "--security-opt=no-new-privileges",
                "--log-driver=none"};     // or the journal would have its streams, too
    if (image.engine == Engine::podman) { // or it raises the limit, which not everybody may
        words.push_back(fmt::format("--ulimit=nproc={0}:{0}", image.processes));
    }
    if (image.engine == Engine::docker) {
        // Its root is ours, and without capabilities could not write where we own the folder.
        words.push_back(fmt::format("--user={}:{}", ::getuid(), ::getgid()));
    }
    if (image.has_gpu) {
        words.emplace_back(image.engine == Engine::docker ? "--gpus=all"
                                                          : "--device=nvidia.com/gpu=all");
    }
    if (!run.options.empty()) {
        words.push_back(fmt::format("--env={}={}", options_variable, run.options));
    }
    add(words, {fmt::format("--volume={}:/data:ro", run.folder.native()),
                fmt::format("--volume={}:/output", run.output.native()), image.reference});
    return words;
}

Words apptainer_words(const ImageSettings& image, const EngineRun& run)
{
    const bool has_call = !image.call.empty();
    Words words{"apptainer",
                has_call ? "exec" : "run",
                "--containall",
                "--cleanenv",
                "--no-home",
                "--no-privs",
                "--no-eval", // or $(..) in the options would be run inside
                fmt::format("--memory={}", image.memory_bytes),
                fmt::format("--memory-swap={}", image.memory_bytes),
                fmt::format("--cpus={}", image.cpus),
                fmt::format("--pids-limit={}", image.processes)};
    if (image.network != "host") {
        add(words, {"--net", fmt::format("--network={}", image.network)});
    }
    if (image.has_gpu) {
        words.emplace_back("--nv");
    }
    add(words, {fmt::format("--bind={}:/data:ro", run.folder.native()),
                fmt::format("--bind={}:/output", run.output.native()), image.reference});
    return words;
}

/// A link of the root directory stays a link: /bin is usr/bin.
void add_system(Words& words, const fs::path& directory)
{
    std::error_code problem;
    if (fs::is_symlink(directory, problem)) {
        add(words, {"--symlink", fs::read_symlink(directory).native(), directory.native()});
    } else if (fs::is_directory(directory, problem)) {
        add(words, {"--ro-bind", directory.native(), directory.native()});
    }
}

Words process_words(const ImageSettings& image, const EngineRun& run)
{
    // A process that sleeps is stopped by the clock, one that works also by this.
    const auto cpu_seconds = image.time.count() * image.cpus + 60;
    Words words{"prlimit",
                fmt::format("--as={0}:{0}", image.memory_bytes),
                fmt::format("--fsize={0}:{0}", image.output_bytes),
                fmt::format("--cpu={0}:{0}", cpu_seconds),
                fmt::format("--nofile={0}:{0}", open_files),
                "--core=0:0",
                "--",
                "bwrap",
                "--unshare-all",
                "--die-with-parent",
                "--new-session",
                "--cap-drop",
                "ALL",
                "--hostname",
                "fiona",
                "--clearenv",
                "--setenv",
                "PATH",
                "/usr/local/bin:/usr/bin:/bin",
                "--setenv",
                "HOME",
                "/tmp",
                "--setenv",
                "LC_ALL",
                "C.UTF-8"};
    if (image.network == "host") {
        words.emplace_back("--share-net");
    }
    if (!run.options.empty()) {
        add(words, {"--setenv", std::string{options_variable}, run.options});
    }
    for (const auto* const directory : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"}) {
        add_system(words, directory);
    }
    for (const auto* const file : {"/etc/ld.so.cache", "/etc/alternatives"}) {
        add(words, {"--ro-bind-try", file, file});
    }
    const auto size = std::to_string(image.memory_bytes);
    add(words, {"--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm",
                "--remount-ro", "/dev", "--size", size, "--tmpfs", "/tmp"});
    for (const auto& path : image.read_only) {
        add(words, {"--ro-bind", path.native(), path.native()});
    }
    add(words, {"--ro-bind", run.folder.native(), "/data", "--bind", run.output.native(), "/output",
                "--chdir", "/output", "--remount-ro", "/", "--"});
    // In here it counts the processes of the sandbox, with its init; outside all that our user has.
    add(words, {"prlimit", fmt::format("--nproc={0}:{0}", image.processes + 1), "--"});
    return words;
}

} // namespace

std::vector<std::string> expanded_call(const ImageSettings& image)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> holders{
        {{"{}", "/data/"},
         {"{input}", "/data/input"},
         {"{descr}", "/data/descr.json"},
         {"{output}", "/output"},
         {"{output_json}", "/output/output.json"}}};
    Words words = image.call;
    for (auto& word : words) {
        for (const auto& [holder, value] : holders) {
            for (auto at = word.find(holder); at != std::string::npos;
                 at = word.find(holder, at + value.size())) {
                word.replace(at, holder.size(), value);
            }
        }
    }
    return words;
}

EngineCall engine_call(const ImageSettings& image, const EngineRun& run)
{
    EngineCall call;
    switch (image.engine) {
    case Engine::podman:
    case Engine::docker:
        check_mountable(run.folder);
        call.run = container_words(image, run);
        call.clean_up = {std::string{engine_name(image.engine)}, "rm", "--force",
                         fmt::format("fiona-{}", run.id)};
        break;
    case Engine::apptainer:
        check_mountable(run.folder);
        call.run = apptainer_words(image, run);
        if (!run.options.empty()) { // its --env would take the text for a line of CSV
            call.environment = {fmt::format("APPTAINERENV_{}={}", options_variable, run.options)};
        }
        break;
    case Engine::process: call.run = process_words(image, run); break;
    }
    for (auto& word : expanded_call(image)) {
        call.run.push_back(std::move(word));
    }
    return call;
}

} // namespace fiona::jobs
