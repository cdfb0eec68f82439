// SPDX-License-Identifier: MIT
#include "libfiona/export/measurements.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <functional>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{10};

json::Object table_in(const fs::path& file)
{
    try {
        const auto text = read_file_if_any(file);
        auto table = text ? json::parse(*text, file.filename().native()) : json::Value{};
        return table.is_object() ? std::move(table.object()) : json::Object{};
    } catch (const Error& e) {
        log::warn("table_unreadable", {{"reason", e.what()}});
        return {};
    }
}

void change(const fs::path& file, const std::function<void(json::Object&)>& edit)
{
    make_directories(file.parent_path());
    const FileLock lock{file.native() + ".lock", lock_patience};
    auto table = table_in(file);
    edit(table);
    store::write_file(file, json::write(table));
}

} // namespace

void note_export(const ExportSettings& settings, const std::string& project,
                 std::chrono::seconds took, TimePoint now)
{
    try {
        change(settings.measurements, [&](json::Object& table) {
            const auto old = table.find(project);
            const auto seconds = static_cast<double>(took.count());
            const bool is_first = old == table.end() || !old->second.is_number();
            table[project] = is_first ? seconds : (old->second.number() + seconds) / 2;
        });
        change(settings.last_exports,
               [&](json::Object& table) { table[project] = epoch_seconds(now); });
    } catch (const Error& e) { // the package is made, whatever becomes of its statistics
        log::warn("measurement_not_noted", {{"reason", e.what()}});
    }
}

ExportList::LastExports last_exports(const fs::path& file)
{
    ExportList::LastExports last;
    for (const auto& [project, when] : table_in(file)) {
        if (when.is_integer()) {
            last[project] = when.integer();
        }
    }
    return last;
}

} // namespace fiona::exports
