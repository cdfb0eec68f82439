// SPDX-License-Identifier: MIT
#include "libfiona/inventory/ids7_table.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/inventory/study_keys.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace fiona::inventory {

namespace {

constexpr std::size_t block_rows = 500; // as many as one import takes
constexpr std::string_view stamp_field = "ids7_date_stamp";

bool is_equal(const redcap::Row& stored, const redcap::Row& wanted)
{
    return std::ranges::all_of(wanted.values, [&](const auto& field) {
        return stored.value(field.first) == field.second;
    });
}

} // namespace

std::string local_stamp(TimePoint when)
{
    const auto seconds = Clock::to_time_t(when);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    const auto fraction = std::chrono::floor<std::chrono::microseconds>(when.time_since_epoch())
                          % std::chrono::seconds{1};
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}", local, fraction.count());
}

Ids7Table::Ids7Table(redcap::Client& client, TimePoint now, Mode mode)
    : m_client{client}, m_mode{mode}, m_stamp{local_stamp(now)}
{
}

void Ids7Table::put(const pacs::Keys& study)
{
    ++m_report.studies;
    try {
        auto row = ids7_row(study);
        const auto uid = row.record;
        m_block.insert_or_assign(uid, std::move(row));
    } catch (const Error& e) {
        ++m_report.refused;
        log::warn("inventory_study_refused", {{"reason", e.what()}});
    }
    if (m_block.size() >= block_rows) {
        flush();
    }
}

void Ids7Table::flush()
{
    if (m_block.empty()) {
        return;
    }
    redcap::ExportSpec spec;
    for (const auto& [uid, row] : m_block) {
        spec.records.push_back(uid);
    }
    for (const auto& [field, value] : m_block.begin()->second.values) {
        spec.fields.push_back(field);
    }
    std::map<std::string, redcap::Row> stored;
    for (auto& row : m_client.export_records(spec)) {
        auto uid = row.record;
        stored.insert_or_assign(std::move(uid), std::move(row));
    }
    std::vector<redcap::Row> changed;
    for (auto& [uid, row] : m_block) {
        const auto found = stored.find(uid);
        if (found != stored.end() && is_equal(found->second, row)) {
            ++m_report.unchanged;
            continue;
        }
        ++(found == stored.end() ? m_report.added : m_report.changed);
        row.values.insert_or_assign(std::string{stamp_field}, m_stamp);
        changed.push_back(std::move(row));
    }
    m_block.clear();
    if (m_mode == Mode::apply && !changed.empty()) {
        import(std::move(changed));
    }
}

/// One bad row would refuse all that come with it.
void Ids7Table::import(std::vector<redcap::Row> rows)
{
    try {
        m_client.import_records(rows, redcap::Overwrite::overwrite);
        return;
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        if (rows.size() == 1) {
            ++m_report.refused;
            log::warn("inventory_study_refused",
                      {{"study", rows.front().record}, {"reason", e.what()}});
            return;
        }
    }
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
    std::vector<redcap::Row> second{std::make_move_iterator(middle),
                                    std::make_move_iterator(rows.end())};
    rows.erase(middle, rows.end());
    import(std::move(rows));
    import(std::move(second));
}

} // namespace fiona::inventory
