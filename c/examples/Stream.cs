// As stream.cpp: each line of stdin is a frame (time, number of people, 17 times x, y, score for each), and a line of stdout a
// person (frame, id, where the right wrist is).

using System;
using System.Globalization;
using System.Linq;
using Poselift;

public static class StreamExample
{
    private const int Points = 17;

    public static int Main()
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var options = new StreamOptions { layout = "coco17", width = 1768, height = 994, smooth = "live" };
        try
        {
            using (var lifter = new Lifter())
            using (var stream = new PoseStream(lifter, options))
            {
                var wrist = Array.IndexOf(lifter.JointNames, "right_wrist");
                for (var line = Console.ReadLine(); line != null; line = Console.ReadLine())
                {
                    var numbers = line.Split(' ').Select(double.Parse).ToArray();
                    var keyPoints = numbers.Skip(2).Select(number => (float)number).ToArray();
                    Print(stream.Push(numbers[0], keyPoints, (int)numbers[1], Points), wrist);
                }
                Print(stream.Finish(), wrist);
                for (var notice = stream.Notice(); notice != null; notice = stream.Notice())
                {
                    Console.Error.WriteLine(notice);
                }
            }
        }
        catch (PoseliftException error)
        {
            Console.Error.WriteLine("error: " + error.Message);
            return 1;
        }
        return 0;
    }

    private static void Print(System.Collections.Generic.List<Frame> frames, int wrist)
    {
        foreach (var frame in frames)
        {
            foreach (var person in frame.People)
            {
                var at = person.Joints.Skip(wrist * 3).Take(3).Select(axis => axis.ToString("R"));
                Console.WriteLine(frame.Index + " " + (person.Id ?? -1) + " " + string.Join(" ", at));
            }
        }
    }
}
