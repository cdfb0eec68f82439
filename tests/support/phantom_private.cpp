// SPDX-License-Identifier: MIT
#include "libfiona/dicom/check.h"
#include "tests/support/phantom_facts.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace phantom {

namespace {

/// Siemens CSA header, version 2 ("SV10"): little endian, no document of the maker says more.
class Csa2 {
public:
    void add(std::string_view name, std::string_view vr, const std::vector<std::string>& values)
    {
        constexpr std::size_t name_bytes = 64;
        constexpr std::size_t vr_bytes = 4;
        padded(m_elements, name, name_bytes);
        word(m_elements, std::max<std::size_t>(1, values.size())); // VM
        padded(m_elements, vr, vr_bytes);
        word(m_elements, 6); // syngo's own type number
        // Real headers hold six items at least, empty ones behind the values.
        const auto items = values.empty() ? 0 : std::max<std::size_t>(6, values.size());
        word(m_elements, items);
        word(m_elements, check_number);
        for (std::size_t i = 0; i < items; ++i) {
            const auto bytes = i < values.size() ? values[i] + '\0' : std::string{};
            word(m_elements, bytes.size());
            word(m_elements, bytes.size());
            word(m_elements, check_number);
            word(m_elements, bytes.size());
            padded(m_elements, bytes, (bytes.size() + 3) / 4 * 4);
        }
        ++m_count;
    }

    [[nodiscard]] std::vector<std::uint8_t> bytes() const
    {
        std::string text{"SV10\x04\x03\x02\x01", 8};
        word(text, m_count);
        word(text, check_number);
        text += m_elements;
        return {text.begin(), text.end()};
    }

private:
    static constexpr std::size_t check_number = 77;

    static void word(std::string& out, std::size_t value)
    {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            out += static_cast<char>((value >> shift) & 0xffU);
        }
    }
    static void padded(std::string& out, std::string_view text, std::size_t size)
    {
        out += text;
        out.append(size - text.size(), '\0');
    }

    std::string m_elements;
    std::size_t m_count = 0;
};

std::vector<std::uint8_t> image_header()
{
    Csa2 csa;
    csa.add("EchoLinePosition", "IS", {"64"});
    csa.add("UsedChannelMask", "UL", {});
    csa.add("B_value", "IS", {"1000"});
    csa.add("ProtocolSliceNumber", "IS", {"0"});
    csa.add("NumberOfImagesInMosaic", "US", {});
    csa.add("DiffusionGradientDirection", "FD", {"0.70710678", "0.70710678", "0.00000000"});
    csa.add("SliceNormalVector", "FD", {"0.00000000", "0.00000000", "1.00000000"});
    csa.add("DiffusionDirectionality", "CS", {"DIRECTIONAL"});
    csa.add("PhaseEncodingDirectionPositive", "IS", {"1"});
    csa.add("BandwidthPerPixelPhaseEncode", "FD", {"18.94000000"});
    csa.add("MosaicRefAcqTimes", "FD", {"0.00000000", "1232.50000000", "77.50000000"});
    return csa.bytes();
}

/// The protocol in the text form of syngo; it carries the patient's name like the real one.
std::string protocol(const Facts& facts, std::size_t bytes)
{
    auto text = fmt::format("<XProtocol>\n{{\n  <Userversion> 2.0\n"
                            "  <ParamString.\"tPatientName\">  {{ \"{}\" }}\n"
                            "  <ParamString.\"PatientID\">  {{ \"{}\" }}\n}}\n"
                            "### ASCCONV BEGIN ###\n"
                            "tSequenceFileName\t = \t\"\"%SiemensSeq%\\ep2d_diff\"\"\n"
                            "tProtocolName\t = \t\"\"DTI+64\"\"\n"
                            "sWipMemBlock.tPatient\t = \t\"\"{}\"\"\n",
                            facts.patient.name, facts.patient.id, facts.patient.birth_date);
    for (unsigned i = 0; text.size() < bytes; ++i) {
        fmt::format_to(std::back_inserter(text),
                       "sSliceArray.asSlice[{}].sPosition.dTra\t = \t{}.{}\n", i, i * 7919 % 1000,
                       i * 104729 % 100000);
    }
    return text + "### ASCCONV END ###\n";
}

std::vector<std::uint8_t> series_header(const Facts& facts, std::size_t bytes)
{
    Csa2 csa;
    csa.add("UsedPatientWeight", "DS", {"70"});
    csa.add("MrPhoenixProtocol", "UN", {protocol(facts, bytes)});
    csa.add("MrProtocolVersion", "IS", {"51130001"});
    csa.add("DataFileName", "LO", {"%CustomerSeq%"});
    return csa.bytes();
}

std::vector<std::uint8_t> even(std::vector<std::uint8_t> bytes)
{
    bytes.resize((bytes.size() + 1) / 2 * 2);
    return bytes;
}

void put_unknown_creator(Writer& writer, const Facts& facts)
{
    writer.text({0x0071, 0x0010}, EVR_LO, "NOBODY KNOWS 1.0")
        .text({0x0071, 0x1001}, EVR_LO, facts.patient.id)
        .text({0x0071, 0x1002}, EVR_PN, facts.patient.name);
    const auto& name = facts.patient.name;
    writer.bytes({0x0071, 0x1003}, EVR_OB, even({name.begin(), name.end()}));
    auto nested = writer.item(DcmTag{0x0071, 0x1004, DcmVR{EVR_SQ}});
    nested.text({0x0071, 0x0010}, EVR_LO, "NOBODY KNOWS 1.0")
        .text({0x0071, 0x1005}, EVR_LT, fmt::format("Call {} back", facts.telephone))
        .text({0x0071, 0x1006}, EVR_UI, facts.study);
}

} // namespace

void put_siemens_groups(Writer& writer, const Facts& facts, std::size_t csa_bytes)
{
    writer.text({0x0019, 0x0010}, EVR_LO, "SIEMENS MR HEADER")
        .text({0x0019, 0x1008}, EVR_CS, "IMAGE NUM 4")
        .text({0x0019, 0x100a}, EVR_US, "1")
        .text({0x0019, 0x100c}, EVR_IS, "1000")
        .text({0x0019, 0x100d}, EVR_CS, "DIRECTIONAL")
        .text({0x0019, 0x100e}, EVR_FD, "0.70710678\\0.70710678\\0")
        .text({0x0019, 0x1028}, EVR_FD, "18.94");
    writer.text({0x0029, 0x0010}, EVR_LO, "SIEMENS CSA HEADER")
        .text({0x0029, 0x0011}, EVR_LO, "SIEMENS MEDCOM HEADER2")
        .text({0x0029, 0x1008}, EVR_CS, "IMAGE NUM 4")
        .text({0x0029, 0x1009}, EVR_LO, facts.date)
        .bytes({0x0029, 0x1010}, EVR_OB, even(image_header()))
        .text({0x0029, 0x1018}, EVR_CS, "MR")
        .text({0x0029, 0x1019}, EVR_LO, facts.date)
        .bytes({0x0029, 0x1020}, EVR_OB, even(series_header(facts, csa_bytes)))
        .text({0x0029, 0x1160}, EVR_LO, "com");
    writer.text({0x0051, 0x0010}, EVR_LO, "SIEMENS MR HEADER")
        .text({0x0051, 0x1008}, EVR_CS, "IMAGE NUM 4")
        .text({0x0051, 0x100a}, EVR_LO, "TA 10:12")
        .text({0x0051, 0x100b}, EVR_LO, "128p*128")
        .text({0x0051, 0x100c}, EVR_LO, "FoV 230*230")
        .text({0x0051, 0x100e}, EVR_LO, "Tra")
        .text({0x0051, 0x100f}, EVR_LO, "HEA;HEP")
        .text({0x0051, 0x1016}, EVR_LO, "M/NORM/DIS2D");
    put_unknown_creator(writer, facts);
}

} // namespace phantom
