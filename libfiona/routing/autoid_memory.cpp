// SPDX-License-Identifier: MIT
#include "libfiona/routing/autoid_memory.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

namespace fiona::routing {

AutoIdMemory AutoIdMemory::load(const std::filesystem::path& file)
{
    AutoIdMemory memory;
    try {
        if (const auto text = read_file_if_any(file)) {
            const auto document = json::parse(*text, file.native());
            memory.key = document.text("key");
            const auto* const until = document.find("handled_until");
            if (until != nullptr && until->integer() > 0 && until->integer() < end_of_clock) {
                memory.handled_until = TimePoint{std::chrono::seconds{until->integer()}};
            }
        }
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        log::warn("memory_forgotten", {{"reason", e.what()}});
    }
    return memory;
}

void AutoIdMemory::save(const std::filesystem::path& file) const
{
    json::Object document{{"key", key}};
    if (handled_until) {
        document.emplace("handled_until", epoch_seconds(*handled_until));
    }
    make_directories(file.parent_path());
    store::write_file(file, json::write(document));
}

} // namespace fiona::routing
