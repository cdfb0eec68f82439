// SPDX-License-Identifier: MIT
#include "libfiona/outbox/state.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

namespace fiona::outbox {

namespace fs = std::filesystem;

namespace {

constexpr const char* file_name = ".state.json";

std::optional<TimePoint> time_in(const json::Value& entry, std::string_view key)
{
    const auto* const found = entry.find(key);
    return found == nullptr || found->is_null()
               ? std::nullopt
               : std::optional{Clock::from_time_t(found->integer())};
}

Entry entry_of(const json::Value& json)
{
    Entry entry;
    entry.md5 = json.text("md5");
    entry.identity = json.text("identity");
    entry.begun = json.text("begun");
    entry.sent = json.text("sent");
    entry.uploaded = time_in(json, "uploaded");
    if (const auto* const attempts = json.find("attempts")) {
        entry.attempts = static_cast<unsigned>(attempts->integer());
    }
    entry.next_try = time_in(json, "next_try").value_or(TimePoint{});
    entry.alarmed = time_in(json, "alarmed").value_or(TimePoint{});
    entry.error = json.text("error");
    return entry;
}

json::Value to_json(const Entry& entry)
{
    return json::Object{
        {"md5", entry.md5},
        {"identity", entry.identity},
        {"begun", entry.begun},
        {"sent", entry.sent},
        {"uploaded", entry.uploaded ? json::Value{epoch_seconds(*entry.uploaded)} : json::Value{}},
        {"attempts", entry.attempts},
        {"next_try", epoch_seconds(entry.next_try)},
        {"alarmed", epoch_seconds(entry.alarmed)},
        {"error", entry.error}};
}

} // namespace

Entries load_state(const fs::path& outbox)
{
    Entries entries;
    const auto text = read_file_if_any(outbox / file_name);
    if (!text) {
        return entries;
    }
    try {
        const auto document = json::parse(*text, file_name);
        for (const auto& [base, entry] : document.object()) {
            entries.emplace(base, entry_of(entry));
        }
    } catch (const Error& e) {
        log::warn("state_unreadable",
                  {{"file", (outbox / file_name).native()}, {"reason", e.what()}});
        entries.clear();
    }
    return entries;
}

void save_state(const fs::path& outbox, const Entries& entries)
{
    json::Object document;
    for (const auto& [base, entry] : entries) {
        document.emplace(base, to_json(entry));
    }
    store::write_file(outbox / file_name, json::write(document, json::Style::pretty) + "\n");
}

} // namespace fiona::outbox
