// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/answers.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/redcap/rows.h"
#include "libfiona/redcap/session.h"

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <utility>

namespace fiona::redcap {

namespace {

constexpr std::size_t max_records_per_export = 200;
constexpr std::size_t max_rows_per_import = 500;
constexpr std::size_t max_bytes_per_import = std::size_t{1} << 20U;

using Records = std::vector<std::string>;

/// All rows of one record, as JSON objects joined by commas. Never split over two calls.
struct RecordRows {
    std::string json;
    std::size_t rows = 0;
};

/// A delete answers with a bare number, whatever the format.
void count_is_enough(const std::string& body)
{
    static_cast<void>(answered_count(body));
}

bool says(const Error& error, std::string_view words)
{
    return error.fault() == Fault::data
           && std::string_view{error.what()}.find(words) != std::string_view::npos;
}

class HttpClient final : public Client {
public:
    HttpClient(const RedcapConfig& config, Private<std::string> token, std::string record_id_field)
        : m_session{config, std::move(token)}, m_record_id_field{std::move(record_id_field)}
    {
    }

    const std::string& record_id_field() override
    {
        if (m_record_id_field.empty()) {
            const auto fields = metadata();
            if (fields.empty()) {
                throw Error{Fault::protocol, "the REDCap project has no fields"};
            }
            m_record_id_field = fields.front().name;
        }
        return m_record_id_field;
    }

    std::vector<Row> export_records(const ExportSpec& spec) override
    {
        std::vector<Row> rows;
        if (spec.records.empty()) {
            if (!export_some(spec, {}, rows)) {
                // Too much at once: ask who is there, then for some at a time.
                auto ids = record_ids(spec);
                if (ids.empty()) {
                    throw Session::too_large();
                }
                export_chunks(spec, ids, rows);
            }
        } else {
            export_chunks(spec, spec.records, rows);
        }
        m_session.traffic().rows_read += rows.size();
        return rows;
    }

    std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        return import_all(rows, overwrite, Retry::Tries::several);
    }

    std::size_t import_once(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        return import_all(rows, overwrite, Retry::Tries::once);
    }

    void delete_records(const std::vector<std::string>& records) override
    {
        for (std::size_t at = 0; at < records.size(); at += max_records_per_export) {
            const auto count = std::min(max_records_per_export, records.size() - at);
            const auto first = records.begin() + static_cast<std::ptrdiff_t>(at);
            delete_some(Records{first, first + static_cast<std::ptrdiff_t>(count)});
        }
    }

    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        auto form = m_session.request("record");
        form.set("action", "delete")
            .set("records", Records{record})
            .set("instrument", instrument)
            .set("repeat_instance", fmt::format("{}", instance));
        const auto is_there = [&] {
            ExportSpec spec;
            spec.records = {record};
            spec.forms = {instrument};
            const auto rows = export_records(spec);
            return std::ranges::any_of(rows, [&](const Row& row) {
                return row.instrument == instrument && row.instance == instance;
            });
        };
        delete_and_look(form, is_there);
    }

    // What a project is made of is asked once: no run is long enough to see it change.
    std::vector<Field> metadata() override
    {
        return once(m_fields, [&] { return read_fields(); });
    }
    std::vector<Event> events() override
    {
        return once(m_events, [&] { return read_events(); });
    }
    std::vector<std::string> repeating_forms() override
    {
        return once(m_repeating, [&] { return read_repeating_forms(); });
    }

    std::string version() override
    {
        std::string version;
        m_session.ask(m_session.request("version"), Retry::Tries::several,
                      [&](const std::string& body) {
                          version = trimmed(body);
                          if (version.empty() || version.size() > 20
                              || version.find_first_not_of("0123456789.") != std::string::npos) {
                              throw Error{Fault::temporary,
                                          "REDCap answered with something that is no version"};
                          }
                      });
        return version;
    }

    std::optional<Records> deleted_records(const std::string& begin) override
    {
        auto form = m_session.request("log");
        form.set("logtype", "record_delete").set("beginTime", begin);
        Records records;
        try {
            m_session.ask(form, Retry::Tries::several, [&](std::string& body) {
                records.clear();
                for (const auto& item : answered_list(body)) {
                    records.push_back(deleted_record(item));
                }
            });
        } catch (const Error& e) {
            if (e.fault() == Fault::permission) {
                return std::nullopt;
            }
            throw;
        }
        std::erase(records, std::string{});
        return records;
    }

    [[nodiscard]] std::optional<TimePoint> server_time() const override
    {
        return m_session.server_time();
    }
    [[nodiscard]] Traffic traffic() const override { return m_session.traffic(); }

private:
    template <typename List, typename Read>
    static List once(std::optional<List>& known, Read&& read)
    {
        if (!known) {
            known = read();
        }
        return *known;
    }

    std::vector<Field> read_fields()
    {
        std::vector<Field> fields;
        m_session.ask(m_session.request("metadata"), Retry::Tries::several, [&](std::string& body) {
            fields.clear();
            for (const auto& item : answered_list(body)) {
                fields.push_back({item.text("field_name"), item.text("form_name"),
                                  item.text("field_type"),
                                  item.text("select_choices_or_calculations"),
                                  item.text("text_validation_type_or_show_slider_number")});
            }
        });
        return fields;
    }

    std::vector<Event> read_events()
    {
        std::vector<Event> events;
        list_or_none("event", "classic projects", [&](const json::Array& list) {
            events.clear();
            for (const auto& item : list) {
                events.push_back({item.text("event_name"), item.text("unique_event_name")});
            }
        });
        return events;
    }

    std::vector<std::string> read_repeating_forms()
    {
        std::vector<std::string> forms;
        list_or_none("repeatingFormsEvents", "repeating instruments", [&](const json::Array& list) {
            forms.clear();
            for (const auto& item : list) {
                auto form = item.text("form_name");
                if (!form.empty() && std::ranges::find(forms, form) == forms.end()) {
                    forms.push_back(std::move(form));
                }
            }
        });
        return forms;
    }

    /// False if the server ran out of memory; then `rows` is as it was.
    bool export_some(const ExportSpec& spec, std::span<const std::string> records,
                     std::vector<Row>& rows)
    {
        const auto& id_field = record_id_field();
        auto form = m_session.request("record");
        form.set("action", "export").set("type", "flat").set("rawOrLabelHeaders", "raw");
        form.set("rawOrLabel", spec.labels ? "label" : "raw");
        form.set("exportCheckboxLabel", "false").set("exportSurveyFields", "false");
        form.set("exportDataAccessGroups", "false");
        form.set("records", Records{records.begin(), records.end()});
        if (!spec.fields.empty() || !spec.forms.empty()) {
            Records fields{id_field};
            std::ranges::remove_copy(spec.fields, std::back_inserter(fields), id_field);
            form.set("fields", fields);
        }
        form.set("forms", spec.forms).set("events", spec.events);
        if (!spec.filter_logic.empty()) {
            form.set("filterLogic", spec.filter_logic);
        }
        if (!spec.date_range_begin.empty()) {
            form.set("dateRangeBegin", spec.date_range_begin);
        }
        std::vector<Row> fresh;
        const auto verdict = m_session.call(form, Retry::Tries::several, [&](std::string& body) {
            fresh = parse_rows(body, id_field);
        });
        std::ranges::move(fresh, std::back_inserter(rows));
        return verdict == Verdict::good;
    }

    void export_chunks(const ExportSpec& spec, std::span<const std::string> records,
                       std::vector<Row>& rows)
    {
        auto size = max_records_per_export;
        while (!records.empty()) {
            const auto count = std::min(size, records.size());
            if (export_some(spec, records.first(count), rows)) {
                records = records.subspan(count);
                continue;
            }
            if (count == 1) {
                throw Session::too_large();
            }
            size = count / 2;
        }
    }

    Records record_ids(const ExportSpec& spec)
    {
        ExportSpec ids = spec;
        ids.forms.clear();
        ids.fields = {record_id_field()};
        std::vector<Row> rows;
        if (!export_some(ids, {}, rows)) {
            throw Session::too_large();
        }
        Records records;
        for (auto& row : rows) {
            if (records.empty() || records.back() != row.record) {
                records.push_back(std::move(row.record));
            }
        }
        std::ranges::sort(records);
        records.erase(std::unique(records.begin(), records.end()), records.end());
        return records;
    }

    std::size_t import_all(const std::vector<Row>& rows, Overwrite overwrite, Retry::Tries tries)
    {
        std::vector<RecordRows> records;
        std::map<std::string_view, std::size_t> place;
        for (const auto& row : rows) {
            const auto [found, is_new] = place.try_emplace(row.record, records.size());
            if (is_new) {
                records.emplace_back();
            }
            auto& record = records[found->second];
            record.json += record.json.empty() ? "" : ",";
            record.json += json::write(row_object(row, record_id_field()));
            ++record.rows;
        }
        std::size_t taken = 0;
        for (std::span<const RecordRows> rest{records}; !rest.empty();) {
            std::size_t count = 0;
            std::size_t row_count = 0;
            std::size_t bytes = 0;
            do {
                row_count += rest[count].rows;
                bytes += rest[count].json.size();
                ++count;
            } while (count < rest.size() && row_count + rest[count].rows <= max_rows_per_import
                     && bytes + rest[count].json.size() <= max_bytes_per_import);
            taken += import_some(rest.first(count), overwrite, tries);
            rest = rest.subspan(count);
        }
        m_session.traffic().rows_written += rows.size();
        return taken;
    }

    std::size_t import_some(std::span<const RecordRows> records, Overwrite overwrite,
                            Retry::Tries tries)
    {
        std::string data = "[";
        for (const auto& record : records) {
            data += data.size() > 1 ? "," : "";
            data += record.json;
        }
        data += "]";
        auto form = m_session.request("record");
        form.set("action", "import").set("type", "flat").set("forceAutoNumber", "false");
        form.set("overwriteBehavior", overwrite == Overwrite::normal ? "normal" : "overwrite");
        form.set("dateFormat", "YMD").set("returnContent", "count").set("data", data);
        std::size_t taken = 0;
        const auto verdict = m_session.call(
            form, tries, [&](const std::string& body) { taken = answered_count(body); });
        if (verdict == Verdict::too_large) {
            if (records.size() == 1) {
                throw Session::too_large();
            }
            const auto half = records.size() / 2;
            return import_some(records.first(half), overwrite, tries)
                   + import_some(records.subspan(half), overwrite, tries);
        }
        if (taken < records.size()) {
            throw Error{Fault::protocol, "REDCap took {} of {} records and gave no reason", taken,
                        records.size()};
        }
        return taken;
    }

    void delete_some(Records records)
    {
        constexpr unsigned max_rounds = 3;
        for (unsigned round = 1; !records.empty(); ++round) {
            auto form = m_session.request("record");
            form.set("action", "delete").set("records", records);
            try {
                m_session.ask(form, Retry::Tries::once, count_is_enough);
                return;
            } catch (const Error& e) {
                const bool worth_a_look = says(e, "do not exist") || may_have_happened(e);
                if (!worth_a_look || round == max_rounds) {
                    throw;
                }
            }
            ExportSpec spec;
            spec.records = records;
            spec.fields = {record_id_field()};
            std::set<std::string> still_there;
            for (const auto& row : export_records(spec)) {
                still_there.insert(row.record);
            }
            std::erase_if(records, [&](const auto& id) { return !still_there.contains(id); });
        }
    }

    /// A delete whose answer is lost is not repeated blindly: first we look whether it happened.
    void delete_and_look(const Form& form, const std::function<bool()>& is_there)
    {
        for (const bool last : {false, true}) {
            try {
                m_session.ask(form, Retry::Tries::once, count_is_enough);
                return;
            } catch (const Error& e) {
                const bool worth_a_look = e.fault() == Fault::data || may_have_happened(e);
                if (!worth_a_look) {
                    throw;
                }
                if (!is_there()) {
                    return;
                }
                if (last) {
                    throw;
                }
            }
        }
    }

    /// Lists that REDCap refuses with `words` where the project has no such thing.
    void list_or_none(std::string_view content, std::string_view words,
                      const std::function<void(const json::Array&)>& take)
    {
        try {
            m_session.ask(m_session.request(content), Retry::Tries::several,
                          [&](std::string& body) { take(answered_list(body)); });
        } catch (const Error& e) {
            if (!says(e, words)) {
                throw;
            }
        }
    }

    Session m_session;
    std::string m_record_id_field;
    std::optional<std::vector<Field>> m_fields;
    std::optional<std::vector<Event>> m_events;
    std::optional<std::vector<std::string>> m_repeating; ///< empty: not yet known
};

} // namespace

std::unique_ptr<Client> connect(const RedcapConfig& config, Private<std::string> token)
{
    return std::make_unique<HttpClient>(config, std::move(token), std::string{});
}

std::unique_ptr<Client> connect(const RedcapConfig& config, Role role)
{
    // Known beforehand, which saves one call per run.
    return std::make_unique<HttpClient>(config, token_of(config, role), record_id_field_of(role));
}

} // namespace fiona::redcap
