// SPDX-License-Identifier: MIT
#include "tests/support/refused_command.h"

#include "libfiona/base/config.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/site/layout.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <sysexits.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <tuple>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

/// Everything below a directory: kind and rights, content, and the time of its last change.
using Snapshot = std::map<std::string, std::tuple<mode_t, std::string, long, long>>;

Snapshot snapshot(const fs::path& root)
{
    Snapshot found;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        struct stat status {};
        ::lstat(entry.path().c_str(), &status);
        found.emplace(entry.path().native(),
                      std::tuple{status.st_mode,
                                 S_ISREG(status.st_mode) ? read_file(entry.path()) : std::string{},
                                 status.st_mtim.tv_sec, status.st_mtim.tv_nsec});
    }
    return found;
}

void fill(const Paths& paths)
{
    for (const auto& directory : site::directories(paths)) {
        fs::create_directories(directory.path);
        const auto file = directory.path / "1.2.3";
        if (!fs::exists(file)) {
            std::ofstream{file} << "somebody's";
            fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours{5000});
        }
    }
}

} // namespace

std::string answer_to_wrong_command(const std::string& tool,
                                    const std::vector<std::string>& arguments)
{
    const TempDir root;
    const auto config = root / "config.json";
    std::ofstream{config} << fmt::format(R"({{"ROOT": "{}"}})", (root / "site").native());
    fill(Config::load(config).paths);
    const auto before = snapshot(root.path);

    std::vector<std::string> words{"--config", config.native()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto run = run_tool(tool, words);

    if (run.exit_code != EX_USAGE) {
        return fmt::format("exit {}: {}", run.exit_code, run.err);
    }
    if (!run.out.empty() || trimmed(run.err).empty()
        || run.err.find(" event=") != std::string::npos) {
        return fmt::format("it says: {} / {}", run.out, run.err);
    }
    return snapshot(root.path) == before ? "refused" : "something was touched";
}
