// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mirror.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/mirror_fields.h"
#include "libfiona/redcap/server_clock.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

namespace fiona::redcap {

namespace {

constexpr std::chrono::seconds usual_age{20};
constexpr std::chrono::minutes age_of_rules{5};
/// While another process is at it for longer than the patience: still good enough for a reader.
constexpr std::chrono::minutes age_in_need{5};
constexpr std::chrono::seconds patience{30};
constexpr std::chrono::minutes log_every{10};
constexpr std::chrono::minutes schema_every{10};
constexpr std::chrono::hours full_every{24};
constexpr std::ptrdiff_t records_per_block = 200;

using Ids = std::vector<std::string>;

std::filesystem::path path_in(const std::filesystem::path& state_dir)
{
    return state_dir / "redcap-mirror.sqlite";
}

/// Each once, sorted.
Ids unique(Ids ids)
{
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

Ids ids_in(const std::vector<Row>& rows)
{
    Ids ids;
    for (const auto& row : rows) {
        if (ids.empty() || ids.back() != row.record) {
            ids.push_back(row.record);
        }
    }
    return unique(std::move(ids));
}

Ids columns_of(Role role, const std::vector<Field>& fields)
{
    Ids names;
    for (const auto& field : Mirror::copied(role, fields)) {
        names.push_back(field.name);
    }
    return names;
}

bool is_due(TimePoint last, TimePoint now, std::chrono::seconds every)
{
    return last > now || now - last >= every; // a clock may have been set back
}

} // namespace

Mirror::Mirror(MirrorSettings settings, std::function<Client&()> server)
    : m_settings{std::move(settings)}, m_server{std::move(server)}
{
}

bool Mirror::has_file() const
{
    std::error_code ignored; // one that we may not look at is none
    return m_file || std::filesystem::exists(path_in(m_settings.state_dir), ignored);
}

MirrorFile& Mirror::file()
{
    if (!m_file) {
        m_file.emplace(path_in(m_settings.state_dir));
    }
    return *m_file;
}

std::vector<Field> Mirror::copied(Role role, const std::vector<Field>& fields)
{
    const auto names = copied_fields(role);
    std::vector<Field> columns;
    for (const auto& field : fields) {
        if (std::ranges::find(names, field.name) == names.end()) {
            continue;
        }
        const auto complete = field.form + "_complete";
        if (std::ranges::find(columns, complete, &Field::name) == columns.end()) {
            columns.push_back({complete, field.form, "dropdown", "", ""});
        }
        columns.push_back(field);
    }
    return columns;
}

std::optional<MirrorState> Mirror::known_state()
{
    auto state = file().state(m_settings.role);
    return state && state->source == m_settings.source ? std::move(state) : std::nullopt;
}

bool Mirror::is_small() const
{
    return m_settings.role == Role::routing || m_settings.role == Role::coupling
           || m_settings.role == Role::dtp;
}

bool Mirror::is_young(const MirrorState& state) const
{
    const bool is_rules = m_settings.role == Role::routing || m_settings.role == Role::coupling;
    return m_settings.freshness == Freshness::usual
           && !is_due(state.looked, m_settings.now(),
                      is_rules ? std::chrono::seconds{age_of_rules} : usual_age);
}

MirrorState Mirror::update()
{
    const auto role = m_settings.role;
    auto state = known_state();
    const bool is_clean = file().stale(role).ids.empty();
    if (state && is_clean && is_young(*state)) {
        return *state;
    }
    const auto locks = m_settings.state_dir / "locks";
    make_directories(locks);
    std::optional<FileLock> lock;
    try {
        lock.emplace(locks / fmt::format("redcap-mirror-{}.lock", role_name(role)), patience);
    } catch (const Error& e) {
        if (e.fault() == Fault::temporary && state && is_clean
            && !is_due(state->looked, m_settings.now(), age_in_need)) {
            log::debug("redcap_copy_used_as_it_is", {{"role", role_name(role)}});
            return *state;
        }
        throw;
    }
    state = known_state();
    if (state && is_young(*state)) {
        if (const auto stale = file().stale(role); !stale.ids.empty()) {
            refresh(stale.ids, *state, stale.mark);
        }
        return *state;
    }
    auto fresh = look(state);
    m_settings.freshness = Freshness::usual;
    return fresh;
}

MirrorState Mirror::look(const std::optional<MirrorState>& before)
{
    const auto now = m_settings.now();
    const auto generation = file().generation();
    auto state = before.value_or(MirrorState{});
    state.looked = now;
    state.source = m_settings.source;
    bool is_other = !before;
    const bool reads_schema = !before || is_due(before->schema_looked, now, schema_every);
    if (reads_schema) {
        auto fields = m_server().metadata();
        is_other = is_other || fields != state.fields;
        state.fields = std::move(fields);
        state.schema_looked = now;
    }
    try {
        if (is_small()) {
            read_whole(state);
        } else if (is_other || is_due(state.full, now, full_every)) {
            compare_all(state);
        } else {
            read_changes(state);
        }
    } catch (const Error& e) {
        if (e.fault() != Fault::config || reads_schema) {
            throw;
        }
        // Perhaps a field that we name is gone from the dictionary.
        state = *before;
        state.schema_looked = TimePoint{};
        return look(state);
    }
    file().put_state(m_settings.role, state, generation);
    return state;
}

void Mirror::read_whole(MirrorState& state)
{
    const auto mark = file().stale(m_settings.role).mark;
    ExportSpec spec;
    spec.fields = columns_of(m_settings.role, state.fields);
    const auto rows = m_server().export_records(spec);
    auto ids = ids_in(rows);
    std::ranges::move(file().record_ids(m_settings.role), std::back_inserter(ids));
    file().replace(m_settings.role, unique(std::move(ids)), rows, mark);
}

void Mirror::compare_all(MirrorState& state)
{
    const auto role = m_settings.role;
    const auto mark = file().stale(role).mark;
    const auto ids = ids_changed_since("");
    state.since = m_server().server_time().value_or(state.looked);
    state.full = state.looked;
    state.log_looked = state.looked;
    state.log_is_open = true;
    auto gone = file().record_ids(role);
    std::erase_if(gone, [&](const auto& id) { return std::ranges::binary_search(ids, id); });
    file().replace(role, gone, {}, mark);
    refresh(ids, state, mark);
    log::debug("redcap_copy_compared", {{"role", role_name(role)}, {"records", ids.size()}});
}

void Mirror::read_changes(MirrorState& state)
{
    const auto& zone = m_settings.server_timezone;
    const auto stale = file().stale(m_settings.role);
    auto ids = ids_changed_since(server_second(state.since - overlap(state.since, zone), zone));
    const auto since = m_server().server_time().value_or(state.looked);
    std::ranges::copy(stale.ids, std::back_inserter(ids));
    std::ranges::move(deleted(state), std::back_inserter(ids));
    refresh(unique(std::move(ids)), state, stale.mark);
    state.since = since;
}

/// Those of the copy that somebody deleted, perhaps: they are looked at, whatever became of them.
Ids Mirror::deleted(MirrorState& state)
{
    const auto now = m_settings.now();
    const bool dictionary_was_read = state.schema_looked == state.looked; // one more call is enough
    if (!state.log_is_open || dictionary_was_read || !is_due(state.log_looked, now, log_every)) {
        return {};
    }
    const auto& zone = m_settings.server_timezone;
    const auto begin = std::min(state.since, state.log_looked);
    const auto deleted =
        m_server().deleted_records(server_minute(begin - overlap(begin, zone), zone));
    state.log_looked = now;
    state.log_is_open = deleted.has_value();
    const auto present = unique(file().record_ids(m_settings.role));
    auto ids = unique(deleted.value_or(Ids{}));
    std::erase_if(ids, [&](const auto& id) { return !std::ranges::binary_search(present, id); });
    return ids;
}

/// "" for all. Only the ids: the records come in blocks, so that memory does not grow with what
/// happened since.
Ids Mirror::ids_changed_since(const std::string& begin)
{
    ExportSpec spec;
    spec.fields = {m_server().record_id_field()};
    spec.date_range_begin = begin;
    return ids_in(m_server().export_records(spec));
}

void Mirror::refresh(const Ids& ids, const MirrorState& state, std::int64_t mark)
{
    ExportSpec spec;
    spec.fields = columns_of(m_settings.role, state.fields);
    for (auto at = ids.begin(); at != ids.end();) {
        const auto end = at + std::min(records_per_block, ids.end() - at);
        spec.records.assign(at, end);
        file().replace(m_settings.role, spec.records, m_server().export_records(spec), mark);
        at = end;
    }
}

} // namespace fiona::redcap
