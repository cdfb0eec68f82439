// SPDX-License-Identifier: MIT
#include "libfiona/redcap/batch.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <utility>

namespace fiona::redcap {

namespace {

using Rows = std::vector<Row>;

/// The rows of each record together, in the order in which the records come.
std::vector<Rows> by_record(const Rows& rows)
{
    std::vector<Rows> records;
    std::map<std::string_view, std::size_t> place;
    for (const auto& row : rows) {
        const auto [found, is_new] = place.try_emplace(row.record, records.size());
        if (is_new) {
            records.emplace_back();
        }
        records[found->second].push_back(row);
    }
    return records;
}

void import_some(Client& client, std::span<const Rows> records, Overwrite overwrite,
                 std::vector<Refused>& refused)
{
    Rows rows;
    for (const auto& record : records) {
        std::ranges::copy(record, std::back_inserter(rows));
    }
    try {
        client.import_once(rows, overwrite);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        if (records.size() == 1) {
            refused.push_back({rows.front().record, e.what()});
            return;
        }
        const auto half = records.size() / 2;
        import_some(client, records.first(half), overwrite, refused);
        import_some(client, records.subspan(half), overwrite, refused);
    }
}

/// Of what is said, not of the numbers under which: those are chosen anew in each try.
std::string digest_of(const Rows& rows)
{
    Sha256 digest;
    for (const auto& row : rows) {
        for (const auto& text : {row.event, row.instrument}) {
            digest.add(text);
            digest.add(std::string_view{"\0", 1});
        }
        for (const auto& [field, value] : row.values) {
            digest.add(fmt::format("{}={}\n", field, value));
        }
    }
    return to_hex(digest.finish());
}

} // namespace

std::vector<Refused> import_each(Client& client, const Rows& rows, Overwrite overwrite)
{
    std::vector<Refused> refused;
    if (!rows.empty()) {
        import_some(client, by_record(rows), overwrite, refused);
    }
    return refused;
}

std::vector<Refused> import_each(Client& client, const Rows& rows, Overwrite overwrite,
                                 Outbox& outbox, TimePoint now)
{
    std::vector<Refused> refused;
    std::vector<Rows> good;
    std::map<std::string, std::string, std::less<>> digests;
    for (auto& record : by_record(rows)) {
        const auto& id = record.front().record;
        const auto& digest = digests[id] = digest_of(record);
        if (auto reason = outbox.quarantined(id, digest, now)) {
            refused.push_back({id, std::move(*reason)});
        } else {
            good.push_back(std::move(record));
        }
    }
    std::vector<Refused> fresh;
    if (!good.empty()) {
        import_some(client, good, overwrite, fresh);
    }
    for (auto& item : fresh) {
        outbox.quarantine(item.record, digests[item.record], item.reason, now);
        refused.push_back(std::move(item));
    }
    return refused;
}

} // namespace fiona::redcap
