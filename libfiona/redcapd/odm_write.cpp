// SPDX-License-Identifier: MIT
#include "libfiona/base/base64.h"
#include "libfiona/redcapd/odm.h"
#include "libfiona/redcapd/xml.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

using xml::escaped;

/// The inverse of what reading does to REDCap's inner names.
std::string inner_type(std::string_view type)
{
    if (type == "notes") {
        return "textarea";
    }
    return type == "dropdown" ? "select" : std::string{type};
}

std::string inner_validation(std::string_view validation)
{
    if (validation == "integer") {
        return "int";
    }
    return validation == "number" ? "float" : std::string{validation};
}

/// ` redcap:Name="value"`, or nothing for a blank value.
std::string attribute(std::string_view name, std::string_view value)
{
    return value.empty() ? std::string{} : fmt::format(" redcap:{}=\"{}\"", name, escaped(value));
}

std::string_view data_type(const Field& field)
{
    const auto& validation = field.cell(Cell::validation);
    if (field.kind == FieldKind::checkbox) {
        return "boolean";
    }
    if (validation == "integer") {
        return "integer";
    }
    if (validation.starts_with("number") || field.kind == FieldKind::calculated) {
        return "float";
    }
    return validation.starts_with("date_") ? "date" : "text";
}

std::string code_list(std::string_view name, const std::vector<Choice>& choices,
                      std::string_view checkbox_choices)
{
    auto out = fmt::format("\t<CodeList OID=\"{0}.choices\" Name=\"{0}\" DataType=\"{1}\" "
                           "redcap:Variable=\"{0}\"{2}>\n",
                           name, checkbox_choices.empty() ? "text" : "boolean",
                           attribute("CheckboxChoices", checkbox_choices));
    for (const auto& choice : choices) {
        out += fmt::format("\t\t<CodeListItem CodedValue=\"{}\"><Decode><TranslatedText>{}"
                           "</TranslatedText></Decode></CodeListItem>\n",
                           escaped(choice.code), escaped(choice.label));
    }
    return out + "\t</CodeList>\n";
}

std::string item_def(std::string_view oid, const Field& field)
{
    const auto cell = [&](Cell which) -> std::string_view { return field.cell(which); };
    auto out = fmt::format("\t<ItemDef OID=\"{0}\" Name=\"{0}\" DataType=\"{1}\" Length=\"999\" "
                           "redcap:Variable=\"{2}\"",
                           oid, data_type(field), field.name());
    out += attribute("FieldType", inner_type(cell(Cell::type)));
    out += attribute("TextValidationType", inner_validation(cell(Cell::validation)));
    constexpr std::array<std::pair<std::string_view, Cell>, 10> plain{{
        {"SectionHeader", Cell::section_header},
        {"FieldNote", Cell::note},
        {"Identifier", Cell::identifier},
        {"BranchingLogic", Cell::branching},
        {"RequiredField", Cell::required},
        {"CustomAlignment", Cell::alignment},
        {"QuestionNum", Cell::question_number},
        {"MatrixGroupName", Cell::matrix_group},
        {"MatrixRanking", Cell::matrix_ranking},
        {"FieldAnnotation", Cell::annotation},
    }};
    for (const auto& [name, which] : plain) {
        out += attribute(name, cell(which));
    }
    if (field.kind == FieldKind::calculated) {
        out += attribute("Calculation", cell(Cell::choices));
    } else if (cell(Cell::type) == "slider") {
        out += attribute("SliderLabels", cell(Cell::choices));
    }
    out += fmt::format(">\n\t\t<Question><TranslatedText>{}</TranslatedText></Question>\n",
                       escaped(cell(Cell::label)));
    for (const auto& [comparator, which] :
         {std::pair{"GE", Cell::min}, std::pair{"LE", Cell::max}}) {
        if (!cell(which).empty()) {
            out += fmt::format("\t\t<RangeCheck Comparator=\"{}\" SoftHard=\"Soft\"><CheckValue>{}"
                               "</CheckValue></RangeCheck>\n",
                               comparator, escaped(cell(which)));
        }
    }
    if (!field.choices.empty()) {
        out += fmt::format("\t\t<CodeListRef CodeListOID=\"{}.choices\"/>\n", oid);
    }
    return out + "\t</ItemDef>\n";
}

} // namespace

OdmWriter::OdmWriter(const Schema& schema, std::string when, FindFile find_file)
    : m_schema{schema}, m_when{std::move(when)}, m_find_file{std::move(find_file)}
{
    m_out = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n"
        "<ODM xmlns=\"http://www.cdisc.org/ns/odm/v1.3\" "
        "xmlns:redcap=\"https://projectredcap.org\" ODMVersion=\"1.3.1\" "
        "FileOID=\"000-00-0000\" FileType=\"Snapshot\" Description=\"{0}\" AsOfDateTime=\"{1}\" "
        "CreationDateTime=\"{1}\" SourceSystem=\"fiona-redcapd\" SourceSystemVersion=\"{2}\">\n"
        "<Study OID=\"Project.{3}\">\n",
        escaped(m_schema.title), m_when, FIONA_VERSION, m_schema.project);
    write_globals();
    m_out += fmt::format("<MetaDataVersion OID=\"Metadata.{}\" Name=\"{}\" "
                         "redcap:RecordIdField=\"{}\">\n",
                         m_schema.project, escaped(m_schema.title), m_schema.record_id());
    if (m_schema.longitudinal) {
        write_events();
    }
    write_forms();
    write_fields();
    m_out += "</MetaDataVersion>\n</Study>\n";
}

void OdmWriter::write_globals()
{
    m_out += fmt::format("<GlobalVariables>\n\t<StudyName>{0}</StudyName>\n"
                         "\t<StudyDescription></StudyDescription>\n"
                         "\t<ProtocolName>{0}</ProtocolName>\n",
                         escaped(m_schema.title));
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> settings{{
        {"RecordAutonumberingEnabled", "record_autonumbering_enabled"},
        {"CustomRecordLabel", "custom_record_label"},
        {"SecondaryUniqueField", "secondary_unique_field"},
        {"SchedulingEnabled", "scheduling_enabled"},
        {"Purpose", "purpose"},
        {"PurposeOther", "purpose_other"},
        {"ProjectNotes", "project_notes"},
    }};
    for (const auto& [name, setting] : settings) {
        m_out += fmt::format("\t<redcap:{0}>{1}</redcap:{0}>\n", name,
                             escaped(m_schema.setting(setting)));
    }
    if (m_schema.repeats()) {
        m_out += "\t<redcap:RepeatingInstrumentsAndEvents>\n\t\t<redcap:RepeatingInstruments>\n";
        for (const auto& [place, label] : m_schema.repeating_forms) {
            m_out += fmt::format("\t\t\t<redcap:RepeatingInstrument redcap:UniqueEventName=\"{}\" "
                                 "redcap:RepeatInstrument=\"{}\" redcap:CustomLabel=\"{}\"/>\n",
                                 m_schema.events[place.first].unique_name,
                                 m_schema.forms[place.second].name, escaped(label));
        }
        m_out += "\t\t</redcap:RepeatingInstruments>\n";
        for (const auto& [event, label] : m_schema.repeating_events) {
            m_out += fmt::format("\t\t<redcap:RepeatingEvent redcap:UniqueEventName=\"{}\" "
                                 "redcap:CustomLabel=\"{}\"/>\n",
                                 m_schema.events[event].unique_name, escaped(label));
        }
        m_out += "\t</redcap:RepeatingInstrumentsAndEvents>\n";
    }
    m_out += "</GlobalVariables>\n";
}

void OdmWriter::write_events()
{
    m_out += "\t<Protocol>\n";
    for (std::size_t i = 0; i < m_schema.events.size(); ++i) {
        m_out += fmt::format("\t\t<StudyEventRef StudyEventOID=\"Event.{}\" OrderNumber=\"{}\" "
                             "Mandatory=\"No\"/>\n",
                             m_schema.events[i].unique_name, i + 1);
    }
    m_out += "\t</Protocol>\n";
    for (std::size_t i = 0; i < m_schema.events.size(); ++i) {
        const auto& event = m_schema.events[i];
        std::string arm;
        for (const auto& it : m_schema.arms) {
            arm = it.number == event.arm ? it.name : arm;
        }
        m_out += fmt::format(
            "\t<StudyEventDef OID=\"Event.{0}\" Name=\"{1}\" Type=\"Common\" Repeating=\"No\" "
            "redcap:EventName=\"{1}\" redcap:CustomEventLabel=\"{2}\" "
            "redcap:UniqueEventName=\"{0}\" redcap:ArmNum=\"{3}\" redcap:ArmName=\"{4}\" "
            "redcap:DayOffset=\"{5}\" redcap:OffsetMin=\"{6}\" redcap:OffsetMax=\"{7}\">\n",
            event.unique_name, escaped(event.label), escaped(event.custom_label), event.arm,
            escaped(arm), event.day_offset, event.offset_min, event.offset_max);
        for (std::size_t form = 0; form < m_schema.forms.size(); ++form) {
            if (m_schema.is_designated(i, form)) {
                m_out += fmt::format("\t\t<FormRef FormOID=\"Form.{0}\" OrderNumber=\"{1}\" "
                                     "Mandatory=\"No\" redcap:FormName=\"{0}\"/>\n",
                                     m_schema.forms[form].name, form + 1);
            }
        }
        m_out += "\t</StudyEventDef>\n";
    }
}

void OdmWriter::write_forms()
{
    std::string groups;
    for (std::size_t form = 0; form < m_schema.forms.size(); ++form) {
        const auto& it = m_schema.forms[form];
        m_out += fmt::format("\t<FormDef OID=\"Form.{0}\" Name=\"{1}\" Repeating=\"No\" "
                             "redcap:FormName=\"{0}\">\n\t\t<ItemGroupRef ItemGroupOID=\"{0}.all\" "
                             "Mandatory=\"No\"/>\n\t</FormDef>\n",
                             it.name, escaped(it.label));
        groups += fmt::format("\t<ItemGroupDef OID=\"{}.all\" Name=\"{}\" Repeating=\"No\">\n",
                              it.name, escaped(it.label));
        const auto add = [&](std::string_view oid, std::string_view variable) {
            groups += fmt::format("\t\t<ItemRef ItemOID=\"{}\" Mandatory=\"No\" "
                                  "redcap:Variable=\"{}\"/>\n",
                                  oid, variable);
        };
        for (const auto& field : m_schema.fields) {
            if (field.form == form && field.kind != FieldKind::checkbox) {
                add(field.name(), field.name());
            } else if (field.form == form) {
                for (const auto& choice : field.choices) {
                    add(choice.column, field.name());
                }
            }
        }
        add(it.complete_field(), it.complete_field());
        groups += "\t</ItemGroupDef>\n";
    }
    m_out += groups;
}

void OdmWriter::write_fields()
{
    const auto states = parse_choices("", "0, Incomplete | 1, Unverified | 2, Complete");
    std::string lists;
    for (const auto& field : m_schema.fields) {
        if (field.kind != FieldKind::checkbox) {
            m_out += item_def(field.name(), field);
            lists += field.choices.empty() ? "" : code_list(field.name(), field.choices, "");
            continue;
        }
        const auto checked = parse_choices("", "1, Checked | 0, Unchecked");
        for (const auto& choice : field.choices) {
            m_out += item_def(choice.column, field);
            lists += code_list(choice.column, checked, field.cell(Cell::choices));
        }
    }
    for (const auto& form : m_schema.forms) {
        const auto name = form.complete_field();
        m_out += fmt::format("\t<ItemDef OID=\"{0}\" Name=\"{0}\" DataType=\"text\" Length=\"1\" "
                             "redcap:Variable=\"{0}\" redcap:FieldType=\"select\" "
                             "redcap:SectionHeader=\"Form Status\">\n\t\t<Question><TranslatedText>"
                             "Complete?</TranslatedText></Question>\n\t\t<CodeListRef "
                             "CodeListOID=\"{0}.choices\"/>\n\t</ItemDef>\n",
                             name);
        lists += code_list(name, states, "");
    }
    m_out += lists;
}

void OdmWriter::begin_data()
{
    m_with_data = true;
    m_out += fmt::format("<ClinicalData StudyOID=\"Project.{0}\" "
                         "MetaDataVersionOID=\"Metadata.{0}\">\n",
                         m_schema.project);
}

void OdmWriter::add(const StoredRecord& record)
{
    m_out += fmt::format("\t<SubjectData SubjectKey=\"{}\" redcap:RecordIdField=\"{}\">\n",
                         escaped(record.name), m_schema.record_id());
    for (const auto& [key, values] : record.rows) {
        if (m_schema.longitudinal) {
            const auto& event = m_schema.events[key.event].unique_name;
            m_out += fmt::format("\t\t<StudyEventData StudyEventOID=\"Event.{}\" "
                                 "StudyEventRepeatKey=\"{}\" redcap:UniqueEventName=\"{}\">\n",
                                 event, key.form ? 1 : key.instance, event);
        }
        write_row(key, values, record);
        m_out += m_schema.longitudinal ? "\t\t</StudyEventData>\n" : "";
    }
    m_out += "\t</SubjectData>\n";
}

std::string OdmWriter::item(std::size_t column, const std::string& value, std::int64_t record) const
{
    const auto& it = m_schema.columns[column];
    if (!it.field || m_schema.fields[*it.field].kind != FieldKind::file) {
        return fmt::format("\t\t\t\t<ItemData ItemOID=\"{}\" Value=\"{}\"/>\n", it.name,
                           escaped(value));
    }
    const auto file = m_find_file ? m_find_file(record, value) : std::nullopt;
    return file ? fmt::format("\t\t\t\t<ItemDataBase64Binary ItemOID=\"{}\" redcap:DocName=\"{}\" "
                              "redcap:MimeType=\"{}\"><![CDATA[{}]]></ItemDataBase64Binary>\n",
                              it.name, escaped(file->name), media_type(file->name),
                              base64(file->bytes))
                : std::string{};
}

void OdmWriter::write_row(const RowKey& key, const RowValues& values, const StoredRecord& record)
{
    for (std::size_t form = 0; form < m_schema.forms.size(); ++form) {
        if (!belongs(m_schema, form, key)) {
            continue;
        }
        std::string items;
        for (const auto& [at, value] : values) {
            const auto& column = m_schema.columns[at];
            if (column.form == form && column.name != m_schema.record_id()) {
                items += item(at, value, record.id);
            }
        }
        if (!key.form && form == m_schema.fields.front().form) {
            items.insert(0, fmt::format("\t\t\t\t<ItemData ItemOID=\"{}\" Value=\"{}\"/>\n",
                                        m_schema.record_id(), escaped(record.name)));
        }
        if (!items.empty()) {
            m_out += fmt::format(
                "\t\t<FormData FormOID=\"Form.{0}\" FormRepeatKey=\"{1}\">\n"
                "\t\t\t<ItemGroupData ItemGroupOID=\"{0}.all\" ItemGroupRepeatKey=\"1\">\n"
                "{2}\t\t\t</ItemGroupData>\n\t\t</FormData>\n",
                m_schema.forms[form].name, key.form ? key.instance : 1, items);
        }
    }
}

std::string OdmWriter::take()
{
    m_out += m_with_data ? "</ClinicalData>\n</ODM>\n" : "</ODM>\n";
    return std::move(m_out);
}

} // namespace fiona::redcapd
