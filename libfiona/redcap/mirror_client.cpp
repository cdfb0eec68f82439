// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcap/mirror.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace fiona::redcap {

namespace {

class MirrorClient final : public Client {
public:
    MirrorClient(MirrorSettings settings, std::function<std::unique_ptr<Client>()> connect)
        : m_role{settings.role}, m_record_id_field{record_id_field_of(m_role)},
          m_connect{std::move(connect)}, m_mirror{std::move(settings),
                                                  [this]() -> Client& { return server(); }}
    {
    }

    const std::string& record_id_field() override
    {
        if (m_record_id_field.empty()) {
            m_record_id_field = server().record_id_field();
        }
        return m_record_id_field;
    }

    std::vector<Row> export_records(const ExportSpec& spec) override
    {
        if (!is_for_server(spec)) {
            const auto state = m_mirror.update();
            if (const auto selection = selection_of(spec, state.fields)) {
                if (auto rows = m_mirror.file().rows(m_role, *selection)) {
                    return std::move(*rows);
                }
            }
        }
        return server().export_records(spec);
    }

    std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        return changing(ids_of(rows), [&] { return server().import_records(rows, overwrite); });
    }

    std::size_t import_once(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        return changing(ids_of(rows), [&] { return server().import_once(rows, overwrite); });
    }

    void delete_records(const std::vector<std::string>& records) override
    {
        changing(records, [&] {
            server().delete_records(records);
            return std::size_t{0};
        });
    }

    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        changing({record}, [&] {
            server().delete_instance(record, instrument, instance);
            return std::size_t{0};
        });
    }

    std::vector<Field> metadata() override { return m_mirror.update().fields; }
    std::vector<Event> events() override { return server().events(); }
    std::vector<std::string> repeating_forms() override { return server().repeating_forms(); }
    std::string version() override { return server().version(); }

    std::optional<std::vector<std::string>> deleted_records(const std::string& begin) override
    {
        return server().deleted_records(begin);
    }
    [[nodiscard]] std::optional<TimePoint> server_time() const override
    {
        return m_server ? m_server->server_time() : std::nullopt;
    }
    [[nodiscard]] Traffic traffic() const override
    {
        return m_server ? m_server->traffic() : Traffic{};
    }

private:
    Client& server()
    {
        if (!m_server) {
            m_server = m_connect();
        }
        return *m_server;
    }

    [[nodiscard]] bool is_for_server(const ExportSpec& spec)
    {
        if (spec.source == ExportSpec::Source::server || spec.labels || !spec.filter_logic.empty()
            || !spec.date_range_begin.empty()) {
            return true;
        }
        if (spec.records.empty()) {
            return false;
        }
        if (!m_mirror.has_file()) {
            return true;
        }
        const auto state = m_mirror.known_state();
        return !state || !m_mirror.is_young(*state);
    }

    /// Nothing if the copy does not have all that is asked for.
    [[nodiscard]] std::optional<MirrorFile::Selection>
    selection_of(const ExportSpec& spec, const std::vector<Field>& fields)
    {
        const auto columns = Mirror::copied(m_role, fields);
        const auto is_copied = [&](const std::string& name) {
            return name == record_id_field()
                   || std::ranges::find(columns, name, &Field::name) != columns.end();
        };
        const bool all = spec.fields.empty() && spec.forms.empty();
        std::set<std::string> wanted{spec.fields.begin(), spec.fields.end()};
        for (const auto& field : fields) {
            const bool on_a_form = std::ranges::find(spec.forms, field.form) != spec.forms.end();
            if ((all || on_a_form) && field.type != "descriptive") {
                wanted.insert(field.name);
                wanted.insert(field.form + "_complete");
            }
        }
        const bool has_other_forms = std::ranges::any_of(spec.forms, [&](const auto& form) {
            return std::ranges::find(fields, form, &Field::form) == fields.end();
        });
        if (has_other_forms || !std::ranges::all_of(wanted, is_copied)) {
            return std::nullopt;
        }
        MirrorFile::Selection selection{
            .records = spec.records, .events = spec.events, .instruments = {}, .fields = {}};
        for (const auto& column : columns) {
            if (wanted.contains(column.name)) {
                selection.instruments.insert(column.form);
            }
        }
        selection.fields = std::move(wanted);
        return selection;
    }

    [[nodiscard]] static std::vector<std::string> ids_of(const std::vector<Row>& rows)
    {
        std::set<std::string> ids;
        for (const auto& row : rows) {
            ids.insert(row.record);
        }
        return {ids.begin(), ids.end()};
    }

    /// Marked before, because the process may be killed inside; and after, because another one may
    /// have read the records in between. Also when the call fails: it may have been carried out.
    std::size_t changing(const std::vector<std::string>& ids,
                         const std::function<std::size_t()>& work)
    {
        mark_stale(ids);
        try {
            const auto result = work();
            mark_stale(ids);
            return result;
        } catch (const Error&) {
            mark_stale(ids);
            throw;
        }
    }

    void mark_stale(const std::vector<std::string>& ids)
    {
        if (m_mirror.has_file()) {
            m_mirror.file().mark_stale(m_role, ids);
        }
    }

    Role m_role;
    std::string m_record_id_field; ///< empty: not yet known
    std::function<std::unique_ptr<Client>()> m_connect;
    std::unique_ptr<Client> m_server; ///< made when it is needed first
    Mirror m_mirror;
};

} // namespace

std::unique_ptr<Client> mirrored(MirrorSettings settings,
                                 std::function<std::unique_ptr<Client>()> connect)
{
    return std::make_unique<MirrorClient>(std::move(settings), std::move(connect));
}

std::unique_ptr<Client> open(const RedcapConfig& config, Role role, Mode mode, Freshness freshness)
{
    if (config.state_dir.empty() || mode == Mode::dry_run) {
        auto alone = config;
        alone.state_dir.clear(); // not even the limit is written
        return connect(alone, role);
    }
    MirrorSettings settings;
    settings.role = role;
    settings.state_dir = config.state_dir;
    settings.server_timezone = config.server_timezone;
    settings.source = config.unix_socket ? config.unix_socket->native() : config.url;
    settings.freshness = freshness;
    return mirrored(std::move(settings), [config, role] { return connect(config, role); });
}

} // namespace fiona::redcap
