// SPDX-License-Identifier: MIT
#include "libfiona/base/base64.h"
#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/odm.h"
#include "libfiona/redcapd/record_labels.h"
#include "libfiona/redcapd/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace fiona::redcapd {

namespace {

using xml::Element;
using Elements = std::map<std::string, const Element*, std::less<>>;

/// By their OID.
Elements by_oid(const Element& parent, std::string_view name)
{
    Elements found;
    for (const auto& child : parent.children) {
        if (child.name == name) {
            found.emplace(std::string{child.attribute("OID")}, &child);
        }
    }
    return found;
}

const Element& need(const Element& parent, std::string_view name, std::string_view what)
{
    const auto* const found = parent.child(name);
    if (found == nullptr) {
        throw Error{Fault::data, "{}: {} has no {}", what, parent.name, name};
    }
    return *found;
}

std::int64_t number(std::string_view text, std::int64_t otherwise)
{
    return read_number<std::int64_t>(text).value_or(otherwise);
}

/// REDCap's inner names of types and validations, as its dictionary spells them.
std::string dictionary_word(std::string_view word)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> words{{
        {"textarea", "notes"},
        {"select", "dropdown"},
        {"int", "integer"},
        {"float", "number"},
        {"date", "date_ymd"},
    }};
    const auto* const found = std::ranges::find(words, word, [](const auto& w) { return w.first; });
    return std::string{found == words.end() ? word : found->second};
}

std::string translated(const Element* element)
{
    const auto* const text = element == nullptr ? nullptr : element->child("TranslatedText");
    return text == nullptr ? std::string{} : text->text;
}

std::string choices_of(const Element& item, const Elements& lists)
{
    const auto* const reference = item.child("CodeListRef");
    const auto oid =
        reference == nullptr ? std::string_view{} : reference->attribute("CodeListOID");
    const auto list = lists.find(oid);
    if (list == lists.end()) {
        return {};
    }
    if (const auto all = list->second->attribute("CheckboxChoices"); !all.empty()) {
        return std::string{all};
    }
    std::string choices;
    for (const auto& choice : list->second->children) {
        if (choice.name == "CodeListItem") {
            choices +=
                fmt::format("{}{}, {}", choices.empty() ? "" : " | ",
                            choice.attribute("CodedValue"), translated(choice.child("Decode")));
        }
    }
    return choices;
}

/// One row of the dictionary. `item` is the first of the items of the field: a checkbox has one for
/// each choice.
DictionaryRow dictionary_row(const Element& item, const Elements& lists, const std::string& name,
                             const std::string& form)
{
    DictionaryRow row;
    const auto set = [&](Cell cell, std::string text) {
        row.at(static_cast<std::size_t>(cell)) = std::move(text);
    };
    const auto attribute = [&](std::string_view key) { return std::string{item.attribute(key)}; };
    auto type = dictionary_word(item.attribute("FieldType"));
    type = type.empty() ? "text" : type;
    set(Cell::name, name);
    set(Cell::form, form);
    set(Cell::section_header, attribute("SectionHeader"));
    set(Cell::type, type);
    set(Cell::label, translated(item.child("Question")));
    const auto slider = attribute("SliderLabels");
    set(Cell::choices, type == "calc"                           ? attribute("Calculation")
                       : type == "slider"                       ? slider
                       : type == "yesno" || type == "truefalse" ? ""
                                                                : choices_of(item, lists));
    set(Cell::note, attribute("FieldNote"));
    set(Cell::validation, dictionary_word(item.attribute("TextValidationType")));
    set(Cell::identifier, attribute("Identifier"));
    set(Cell::branching, attribute("BranchingLogic"));
    set(Cell::required, attribute("RequiredField"));
    set(Cell::alignment, attribute("CustomAlignment"));
    set(Cell::question_number, attribute("QuestionNum"));
    set(Cell::matrix_group, attribute("MatrixGroupName"));
    set(Cell::matrix_ranking, attribute("MatrixRanking"));
    set(Cell::annotation, attribute("FieldAnnotation"));
    for (const auto& check : item.children) {
        const auto* const limit = check.child("CheckValue");
        if (check.name == "RangeCheck" && limit != nullptr) {
            set(check.attribute("Comparator") == "GE" ? Cell::min : Cell::max, limit->text);
        }
    }
    return row;
}

/// Reads one document; keeps what the steps share.
class OdmReader {
public:
    OdmReader(const Element& root, std::string_view what) : m_root{root}, m_what{what} {}

    OdmProject read()
    {
        if (m_root.name != "ODM") {
            throw Error{Fault::data, "{}: no ODM document", m_what};
        }
        const auto& study = need(m_root, "Study", m_what);
        const auto& meta = need(study, "MetaDataVersion", m_what);
        read_dictionary(meta);
        read_events(meta);
        if (const auto* const globals = study.child("GlobalVariables"); globals != nullptr) {
            read_globals(*globals);
        }
        m_project.schema.index();
        if (const auto* const data = m_root.child("ClinicalData"); data != nullptr) {
            for (const auto& subject : data->children) {
                if (subject.name == "SubjectData") {
                    read_subject(subject);
                }
            }
        }
        return std::move(m_project);
    }

private:
    [[nodiscard]] Schema& schema() { return m_project.schema; }

    void read_dictionary(const Element& meta)
    {
        m_items = by_oid(meta, "ItemDef");
        const auto groups = by_oid(meta, "ItemGroupDef");
        const auto lists = by_oid(meta, "CodeList");
        std::vector<DictionaryRow> rows;
        std::map<std::string, std::string> labels;
        for (const auto& form : meta.children) {
            if (form.name != "FormDef") {
                continue;
            }
            const std::string name{form.attribute("FormName")};
            labels.emplace(name, form.attribute("Name"));
            m_forms.emplace(std::string{form.attribute("OID")}, name);
            for (const auto& reference : form.children) {
                const auto group = groups.find(reference.attribute("ItemGroupOID"));
                if (reference.name == "ItemGroupRef" && group != groups.end()) {
                    add_fields(*group->second, lists, name, rows);
                }
            }
        }
        auto dictionary = make_dictionary(std::move(rows), m_what);
        for (auto& form : dictionary.forms) {
            form.label = labels[form.name].empty() ? form.label : labels[form.name];
        }
        schema().fields = std::move(dictionary.fields);
        schema().forms = std::move(dictionary.forms);
        schema().index();
    }

    void add_fields(const Element& group, const Elements& lists, const std::string& form,
                    std::vector<DictionaryRow>& rows)
    {
        for (const auto& reference : group.children) {
            const std::string name{reference.attribute("Variable")};
            const auto item = m_items.find(reference.attribute("ItemOID"));
            const bool is_state = name == form + "_complete";
            const bool is_redcaps = name.starts_with("redcap_");
            const bool again = !rows.empty() && rows.back().front() == name; // a further choice
            if (reference.name != "ItemRef" || item == m_items.end() || name.empty() || is_state
                || is_redcaps || again) {
                continue;
            }
            rows.push_back(dictionary_row(*item->second, lists, name, form));
        }
    }

    void read_events(const Element& meta)
    {
        for (const auto& child : meta.children) {
            if (child.name != "StudyEventDef") {
                continue;
            }
            Event event;
            event.arm = number(child.attribute("ArmNum"), 1);
            event.label = child.attribute("EventName");
            event.unique_name = child.attribute("UniqueEventName");
            event.custom_label = child.attribute("CustomEventLabel");
            event.day_offset = number(child.attribute("DayOffset"), 0);
            event.offset_min = number(child.attribute("OffsetMin"), 0);
            event.offset_max = number(child.attribute("OffsetMax"), 0);
            if (event.label.empty() || event.unique_name.empty()
                || schema().find_event(event.unique_name)) {
                throw Error{Fault::data, "{}: a StudyEventDef has no name, or one twice", m_what};
            }
            add_arm(event.arm, std::string{child.attribute("ArmName")});
            m_events.emplace(std::string{child.attribute("OID")}, event.unique_name);
            for (const auto& reference : child.children) {
                if (const auto form = schema().find_form(reference.attribute("FormName"))) {
                    schema().form_events.emplace(schema().events.size(), *form);
                }
            }
            schema().events.push_back(std::move(event));
        }
        schema().longitudinal = !schema().events.empty();
        if (!schema().longitudinal) {
            schema().arms.push_back({1, "Arm 1"});
            schema().events.push_back({0, 1, "Event 1", "event_1_arm_1", "", 0, 0, 0});
        }
    }

    void add_arm(std::int64_t arm, const std::string& name)
    {
        if (std::ranges::find(schema().arms, arm, &Arm::number) == schema().arms.end()) {
            schema().arms.push_back({arm, name.empty() ? fmt::format("Arm {}", arm) : name});
        }
    }

    void read_globals(const Element& globals)
    {
        if (const auto* const title = globals.child("StudyName"); title != nullptr) {
            schema().title = title->text;
        }
        constexpr std::array<std::pair<std::string_view, std::string_view>, 10> settings{{
            {"RecordAutonumberingEnabled", "record_autonumbering_enabled"},
            {"CustomRecordLabel", "custom_record_label"},
            {"SecondaryUniqueField", "secondary_unique_field"},
            {"SchedulingEnabled", "scheduling_enabled"},
            {"SurveysEnabled", "surveys_enabled"},
            {"Purpose", "purpose"},
            {"PurposeOther", "purpose_other"},
            {"ProjectNotes", "project_notes"},
            {"MissingDataCodes", "missing_data_codes"},
            {"DisplayTodayNowButton", "display_today_now_button"},
        }};
        for (const auto& [name, setting] : settings) {
            const auto* const value = globals.child(name);
            if (value != nullptr && !value->text.empty()) {
                schema().settings.emplace(setting, value->text);
            }
        }
        if (const auto* const all = globals.child("RepeatingInstrumentsAndEvents");
            all != nullptr) {
            read_repeating(*all);
        }
    }

    /// The entries lie in groups, whose names differ between versions.
    void read_repeating(const Element& parent)
    {
        for (const auto& entry : parent.children) {
            const auto event = schema().longitudinal
                                   ? schema().find_event(entry.attribute("UniqueEventName"))
                                   : std::optional<std::size_t>{0};
            const auto form = schema().find_form(entry.attribute("RepeatInstrument"));
            const std::string label{entry.attribute("CustomLabel")};
            if (entry.name == "RepeatingInstrument" && event && form) {
                schema().repeating_forms.emplace(std::pair{*event, *form}, label);
            } else if (entry.name == "RepeatingEvent" && event) {
                schema().repeating_events.emplace(*event, label);
            }
            read_repeating(entry);
        }
    }

    void read_subject(const Element& subject)
    {
        const std::string record{subject.attribute("SubjectKey")};
        for (const auto& child : subject.children) {
            if (child.name == "FormData") {
                read_form(child, record, "", 1);
            } else if (child.name == "StudyEventData") {
                const auto event = m_events.find(child.attribute("StudyEventOID"));
                if (event == m_events.end() && schema().longitudinal) {
                    throw Error{Fault::data, "{}: StudyEventData names an unknown event", m_what};
                }
                for (const auto& form : child.children) {
                    if (form.name == "FormData") {
                        read_form(form, record, event == m_events.end() ? "" : event->second,
                                  number(child.attribute("StudyEventRepeatKey"), 1));
                    }
                }
            }
        }
    }

    void read_form(const Element& form, const std::string& record, const std::string& event_name,
                   std::int64_t event_instance)
    {
        const auto name = m_forms.find(form.attribute("FormOID"));
        const auto index = name == m_forms.end() ? std::nullopt : schema().find_form(name->second);
        const auto event =
            schema().longitudinal ? schema().find_event(event_name) : std::optional<std::size_t>{0};
        if (!index || !event) {
            throw Error{Fault::data, "{}: FormData names an unknown form or event", m_what};
        }
        DataRow row{{schema().record_id(), record}};
        if (schema().longitudinal) {
            row.emplace(event_column, event_name);
        }
        if (schema().is_repeating(*event, *index)) {
            row.emplace(instrument_column, name->second);
            row.emplace(instance_column,
                        fmt::format("{}", number(form.attribute("FormRepeatKey"), 1)));
        } else if (schema().repeating_events.contains(*event)) {
            row.emplace(instance_column, fmt::format("{}", event_instance));
        }
        const auto place = row;
        for (const auto& group : form.children) {
            for (const auto& item : group.children) {
                add_value(item, place, row);
            }
        }
        m_project.rows.push_back(std::move(row));
    }

    void add_value(const Element& item, const DataRow& place, DataRow& row)
    {
        const auto definition = m_items.find(item.attribute("ItemOID"));
        const std::string variable{definition == m_items.end()
                                       ? item.attribute("ItemOID")
                                       : definition->second->attribute("Variable")};
        if (item.name == "ItemDataBase64Binary") {
            const auto field = schema().find_field(variable);
            if (field && schema().fields[*field].kind == FieldKind::file) {
                auto bytes = base64_decoded(item.text);
                if (!bytes) {
                    throw Error{Fault::data, "{}: a file is no base64", m_what};
                }
                m_project.files.push_back(
                    {place, variable, std::string{item.attribute("DocName")}, std::move(*bytes)});
            }
            return;
        }
        // The name of a checkbox choice is the OID itself; its variable is the field.
        const std::string oid{item.attribute("ItemOID")};
        const auto column =
            schema().find_column(oid) ? schema().find_column(oid) : schema().find_column(variable);
        const bool has_values =
            column && variable != schema().record_id()
            && (!schema().columns[*column].field
                || (schema().fields[*schema().columns[*column].field].kind != FieldKind::calculated
                    && schema().fields[*schema().columns[*column].field].kind != FieldKind::file));
        if (item.name == "ItemData" && has_values) {
            row.insert_or_assign(schema().columns[*column].name,
                                 std::string{item.attribute("Value")});
        }
    }

    const Element& m_root;
    std::string_view m_what;
    OdmProject m_project;
    Elements m_items;
    std::map<std::string, std::string, std::less<>> m_forms;  ///< OID -> name
    std::map<std::string, std::string, std::less<>> m_events; ///< OID -> unique name
};

} // namespace

OdmProject read_odm(std::string_view text, std::string_view what, std::size_t max_bytes)
{
    const auto root = xml::parse(trimmed(text), what, {.max_bytes = max_bytes});
    return OdmReader{root, what}.read();
}

} // namespace fiona::redcapd
